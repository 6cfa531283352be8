"""The way out of a hive for everything but the model: nothing is allowed that an operator has not named."""
