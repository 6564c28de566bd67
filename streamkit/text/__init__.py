"""JSON text in, tokens out. Knows no schema and no changes.

scanner      the push parser: text in any pieces, one call for each token
receiver     the protocol of what it calls
limits       size and depth of a text
json_text    complete texts: read, write, and the C scanner for complete containers
"""
