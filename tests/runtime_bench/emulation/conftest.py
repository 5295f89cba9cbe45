from tests.runtime_bench.device_fixtures import cache, kit

__all__ = ["cache", "kit"]
