"""`python3 -m hive_core`: the root daemon."""

from hive_core.daemon import main

main()
