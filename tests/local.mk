# Unit tests mirror the rooms: tests/unit/wire/test_dname.c tests wire/dname.c.
