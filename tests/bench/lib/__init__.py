"""What the benchmark is made of: zones, servers, measuring, and one module for each part."""
