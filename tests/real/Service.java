// SPDX-License-Identifier: GPL-2.0-only
//
// A web server: a page of 4 KiB, keep-alive, a fixed pool of threads. /spin is an endless
// loop.
//
//   java Service.java PORT THREADS

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

public class Service {
	// More than ever wait in the loads of tests/real.
	private static final int BACKLOG = 1024;

	// Made for each request, as pages are, so that the collector has work.
	static byte[] page() {
		StringBuilder text = new StringBuilder();

		for (int i = 0; i < 64; i++)
			text.append(String.format("%063d%n", i));
		return text.toString().getBytes();
	}

	static void answer(HttpExchange exchange) throws IOException {
		byte[] page = page();

		exchange.sendResponseHeaders(200, page.length);
		try (OutputStream body = exchange.getResponseBody()) {
			body.write(page);
		}
	}

	static volatile boolean going = true;

	static void spin(HttpExchange exchange) {
		while (going)
			;
	}

	public static void main(String[] args) throws IOException {
		InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(),
								  Integer.parseInt(args[0]));
		HttpServer server;

		// Otherwise each answer waits 40 ms for the client's acknowledgement of its headers.
		System.setProperty("sun.net.httpserver.nodelay", "true");
		server = HttpServer.create(address, BACKLOG);
		server.createContext("/page", Service::answer);
		server.createContext("/spin", Service::spin);
		server.setExecutor(Executors.newFixedThreadPool(Integer.parseInt(args[1])));
		server.start();
	}
}
