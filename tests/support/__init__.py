"""What tests share: models, documents, strategies, servers and checks."""
