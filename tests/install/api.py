"""Asks PowerDNS's API. First line of stdin: the key; arguments: the method and the path. Prints the status."""
import sys
import urllib.error
import urllib.request

key = sys.stdin.readline().strip()
method, path = sys.argv[1:]
url = "http://127.0.0.1:8081/api/v1/servers/localhost" + path
try:
    answer = urllib.request.urlopen(urllib.request.Request(url, method=method, headers={"X-API-Key": key}))
    print(answer.status)
except urllib.error.HTTPError as error:
    print(error.code)
