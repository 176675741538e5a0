"""Faces: what is handed to people: reports and workbooks, in both languages."""
