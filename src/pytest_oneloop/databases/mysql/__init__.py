"""Databases on a MySQL or MariaDB server: templates, copies of them, and putting them back."""
