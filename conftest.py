"""What holds for every test run."""

pytest_plugins = ["pytester", "tests.support.allowed_skips"]
