# Retake without the scorer: the command line, and the sandbox for a first run.
FROM python:3.12-slim

WORKDIR /app
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY orchestrator orchestrator
COPY scorer scorer
COPY workflows workflows
RUN pip install --no-cache-dir --constraint constraints.txt . \
    && useradd --create-home --uid 1000 retake \
    && install --directory --owner retake /pictures

USER 1000
ENV RETAKE_OUT=/pictures PYTHONUNBUFFERED=1
ENTRYPOINT ["python", "-m", "orchestrator"]
CMD ["--help"]
