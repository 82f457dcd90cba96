"""Who it is: NHS, CHI, H&C and hospital numbers, the keyring, pseudonyms, sealing.

The only room that sees an identifier or a key. Nothing here logs; no exception here carries the value that offended;
every type that holds an identifier hides it from ``repr``.
"""
