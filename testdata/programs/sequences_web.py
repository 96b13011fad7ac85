# A small web server that answers a fixed number of requests on loopback. With
# a second argument it is made to do what it never does: /run spawns a shell
# that reads other files; with "alone", one thread is both the client and the
# server, so that no call depends on whose turn it is.
import http.server, socket, subprocess, sys, threading, urllib.request
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/run':
            body = subprocess.run(['/bin/sh', '-c', 'cat /etc/passwd /etc/group; id'], capture_output=True).stdout
        else:
            body = open('/etc/hostname', 'rb').read()
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
srv = http.server.ThreadingHTTPServer(('127.0.0.1', 0), H)
url = 'http://127.0.0.1:%d' % srv.server_port
n = int(sys.argv[1]); mode = sys.argv[2] if len(sys.argv) > 2 else ''
if mode == 'alone':
    alone = http.server.HTTPServer(('127.0.0.1', 0), H)
    for i in range(n):
        with socket.create_connection(alone.server_address) as c:
            c.sendall(b'GET / HTTP/1.0\r\n\r\n')
            alone.handle_request()
            while c.recv(4096): pass
    sys.exit()
t = threading.Thread(target=srv.serve_forever); t.start()
for i in range(n):
    urllib.request.urlopen(url + ('/run' if mode == 'shell' and i == n // 2 else '/')).read()
srv.shutdown(); t.join(); srv.server_close()
