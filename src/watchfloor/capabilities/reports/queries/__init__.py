"""The data of reports: snapshots, the findings in them, and the reports made from them."""
