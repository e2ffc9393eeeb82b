"""HTTP: routes, authentication, admission and client secrets."""
