//! How long an operator waits for a large script: 5,000 lines, 200 routes. Under 100 ms is promised.

#[path = "../tests/large/mod.rs"]
mod large;

use std::hint::black_box;
use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use script::known::Everything;
use script::{InMemory, Options, compile};

fn large_script(criterion: &mut Criterion) {
    let text = large::script();
    let mut group = criterion.benchmark_group("compile");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function(
        format!("{}_lines_{}_routes", text.lines().count(), large::ROUTES),
        |bench| {
            bench.iter(|| {
                let path = Path::new("large.cfg");
                let mut loader = InMemory::new(path.to_owned(), text.as_str());
                black_box(compile(path, &mut loader, &mut Everything, &Options::default()).is_ok())
            });
        },
    );
    group.finish();
}

criterion_group!(benches, large_script);
criterion_main!(benches);
