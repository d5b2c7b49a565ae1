"""`python -m app.commands`, the same as the console script `kshot`."""

from app.commands import main

main()
