"""Recordings and notes as training needs them."""
