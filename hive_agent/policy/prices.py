"""The hive's one price table (`hive_base.prices`), under the name that the policy knows it by."""

from hive_base.prices import AS_OF, DEFAULT_WINDOW, LARGE_WINDOW, MODELS, CacheLifetime, Model, model, usable_window

__all__ = ["AS_OF", "DEFAULT_WINDOW", "LARGE_WINDOW", "MODELS", "CacheLifetime", "Model", "model", "usable_window"]
