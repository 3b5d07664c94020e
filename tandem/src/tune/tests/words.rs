use crate::tune::words::{bytes, cores_of_mask, cpu_list, cpu_mask, number};

#[test]
fn cores_are_written_as_the_kernel_does() {
    assert_eq!(cpu_list(&[3, 0, 1, 2, 8, 8]), "0-3,8");
    assert_eq!(cpu_list(&[]), "");
    for (cores, mask) in [
        (vec![], "0"),
        (vec![0, 1], "3"),
        (vec![31], "80000000"),
        (vec![32], "1,00000000"),
        (vec![0, 63], "80000000,00000001"),
        (vec![4, 64], "1,00000000,00000010"),
    ] {
        assert_eq!(cpu_mask(&cores), mask);
        assert_eq!(cores_of_mask(mask), Some(cores));
    }
    assert_eq!(cores_of_mask("00000000,00000003"), Some(vec![0, 1]));
    assert_eq!(cores_of_mask("x"), None);
}

#[test]
fn numbers_are_read_easily() {
    assert_eq!(number(999), "999");
    assert_eq!(number(1_000), "1,000");
    assert_eq!(number(4_194_304), "4,194,304");
    assert_eq!(bytes(4 << 20), "4 MiB");
    assert_eq!(bytes((1 << 30) + (1 << 29)), "1.5 GiB");
    assert_eq!(bytes(100), "100 bytes");
}
