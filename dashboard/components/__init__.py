"""Pieces that several pages show: frame, cards, charts, tables, dialogs."""
