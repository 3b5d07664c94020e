mod subst;
