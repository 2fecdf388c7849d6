"""What a cache costs where it has the answer, and where it has none."""

import time
from threading import Barrier, Thread

from bench.measure import Row, ask, available, bare, load, measure
from deep import servers


def rows(samples, tmp):
    module = load(samples["caching"])
    report = ask(module.app, "/report")

    def compute():
        time.sleep(0.5)  # as the sample's view does
        return {"generated_at": "2026-01-01 00:00:00.000000+00:00"}

    plain = bare(
        {"/": lambda: {"generated_at": "2026-01-01"}, "/all": compute}
    )
    all_anew, constant = ask(plain, "/all"), ask(plain)

    def miss():
        module.cache.clear()
        assert report()["X-Cache"] == "MISS"

    def together():
        """Return how many of 50 requests at once computed their answer."""
        module.cache.clear()
        barrier, answers = Barrier(50), []

        def one():
            barrier.wait()
            answers.append(report()["X-Cache"])

        threads = [Thread(target=one) for _ in range(50)]

        for step in (Thread.start, Thread.join):
            list(map(step, threads))

        assert len(answers) == 50
        return answers.count("MISS")

    def hit(where, times, why):
        return Row(
            pattern="caching",
            what=f"a hit, {where}",
            sample=times[0],
            limit=times[1],
            limit_is="a bare view with a constant",
            plain=computed,
            plain_is="no cache",
            why=why,
        )

    missed, computed = measure(miss, all_anew)
    yield Row(
        pattern="caching",
        what="a miss",
        sample=missed,
        limit=computed,
        limit_is="a bare view that computes for 0.5 s",
        plain=computed,
        plain_is="no cache",
        why="To look for an answer and to keep it takes no time that counts.",
    )
    times = measure(report, constant, number=400, runs=9)
    why = "The key is made of the URL, and what was found is copied."
    yield hit("in process", times, why)
    yield Row(
        pattern="caching",
        what="50 misses at once",
        sample=[together() for _ in range(3)],
        limit=[1],
        limit_is="the first computes, the others wait",
        plain=[50],
        plain_is="no cache",
        why="Flask-Caching has no lock: whoever finds nothing computes.",
        unit="computations",
    )

    for redis in available(servers.redis, tmp):
        env = {"FLASK_CACHE_REDIS_URL": redis.url}
        env["FLASK_CACHE_TYPE"] = "RedisCache"
        on_redis = ask(load(samples["caching"], **env).app, "/report")
        times = measure(on_redis, constant, number=200, runs=9)
        yield hit("on Redis", times, "A way to Redis and back.")
