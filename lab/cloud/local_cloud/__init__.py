"""A local EC2 and STS: moto, with what moto leaves out made real. See README.md beside this package."""
