"""One hypothesis profile for every test: reproducible, without time limits that a busy machine breaks."""

from hypothesis import settings

settings.register_profile("segtopo", deadline=None, derandomize=True, max_examples=40)
settings.load_profile("segtopo")
