"""`python3 -m hive_gateway`: the gateway's daemon."""

from hive_gateway.daemon import main

main()
