"""The wire format of sealed objects, both ways: the only home of the cipher and of the compressors."""
