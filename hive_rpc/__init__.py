"""The contract between Hive's processes: wire models, Varlink codec, client, server and the error family."""
