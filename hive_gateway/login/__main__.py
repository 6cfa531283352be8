"""`python3 -m hive_gateway.login`: one login, for whoever is connected to standard input."""

from hive_gateway.login.place import main

main()
