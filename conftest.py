"""What holds for every test run."""

import signal

# A shell has SIGINT ignored by what it runs in the background, and what the tests start and interrupt inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester", "tests.support.allowed_skips"]
