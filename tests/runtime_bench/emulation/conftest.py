from tests.runtime_bench.device_fixtures import bundle, cache

__all__ = ["bundle", "cache"]
