"""The commands by subject: each reads its words, loads what it needs, and prints what it got."""
