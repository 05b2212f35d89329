"""200 requests that the server answers after 20 ms each, as in ch09/crawler: the sum of the bodies.

Takes the address of request 0 as its argument, in which `id=0` is to be replaced.
"""

import sys
import urllib.request

from peer import serve

COUNT, AT_ONCE = 200, 20
URLS = [sys.argv[1].replace("id=0", f"id={i}") for i in range(COUNT)]


def get(url):
    with urllib.request.urlopen(url) as response:
        return int(response.read())


def serial():
    return lambda: sum(map(get, URLS))


def threads():
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(AT_ONCE)
    return lambda: sum(pool.map(get, URLS))


def asynchronous():
    import asyncio

    import aiohttp

    async def crawl():
        turn = asyncio.Semaphore(AT_ONCE)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def fetch(url):
                async with turn, session.get(url) as response:
                    return int(await response.text())

            return sum(await asyncio.gather(*map(fetch, URLS)))

    return lambda: asyncio.run(crawl())


serve({
    "Python, one by one": ([], serial),
    "Python, threads": ([], threads),
    "aiohttp": (["aiohttp"], asynchronous),
})
