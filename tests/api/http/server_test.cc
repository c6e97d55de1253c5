// The HTTP server over real sockets: order, limits, time limits, and clients that misbehave.
#include "api/http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "core/runtime/fault.h"
#include "tests/api/api_server.h"
#include "tests/api/http_client.h"

namespace slicemill {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

api::HttpOptions quick() {
  api::HttpOptions options;
  options.linger_timeout = milliseconds(200);
  return options;
}

void give_job(ApiServer& api) {
  api.on_loop([&] { api.service().answer("get_job", {{"job_id", "j1"}}); });
}

// A dialect with one row, GET /PREFIX, outside of the real ones.
api::Dialect one_row(std::string prefix, api::Handler handler) {
  api::Dialect out;
  out.name = prefix;
  out.prefixes = {prefix};
  out.routes.push_back({api::Method::get, "/", std::move(handler)});
  out.error = [](int status, std::string_view) { return api::Response{status, "text/plain", "", {}}; };
  out.unknown = [](const api::Request&, std::span<const api::Method>) {
    return api::Response{404, "text/plain", "", {}};
  };
  return out;
}

// The server still works: the last word of every hostile test.
::testing::AssertionResult works(ApiServer& api) {
  HttpClient client(api.port());
  client.send(http_request("GET", "/health"));
  auto answer = client.read_answer();
  return answer && answer->status == 200 ? ::testing::AssertionSuccess()
                                         : ::testing::AssertionFailure() << "no answer to /health";
}

TEST(HttpServer, KeepsTheConnectionForSeveralRequests) {
  ApiServer api(quick());
  give_job(api);
  HttpClient client(api.port());
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(client.send(http_request("GET", "/jobs/j1")));
    auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->header("connection"), "");
    EXPECT_THAT(answer->header("date"), HasSubstr(" GMT"));
  }
  EXPECT_EQ(api.on_loop([&] { return api.server().counters().connections; }), 1u);
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  ApiServer api(quick());
  api.on_loop([&] {
    api.service().answer("get_job", {{"job_id", "j1"}});
    api.service().answer("list_jobs", Json::array());
    api.service().hold("get_job");
  });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1") + http_request("GET", "/jobs") + http_request("POST", "/jobs", "{}") +
              http_request("GET", "/nope"));
  ASSERT_TRUE(api.wait_until([&] { return !api.service().calls.empty(); }));
  api.on_loop([&] { api.service().release("get_job"); });
  EXPECT_THAT(client.read_answer()->body, HasSubstr("j1"));
  EXPECT_EQ(client.read_answer()->body, "[]");
  EXPECT_EQ(client.read_answer()->status, 400);
  EXPECT_EQ(client.read_answer()->status, 405);
}

TEST(HttpServer, ReadsARequestThatArrivesByteByByte) {
  ApiServer api(quick());
  HttpClient client(api.port());
  for (char byte : http_request("POST", "/jobs", "{}")) ASSERT_TRUE(client.send(std::string(1, byte)));
  EXPECT_EQ(client.read_answer()->status, 400);
}

TEST(HttpServer, ReadsChunkedBodies) {
  ApiServer api(quick());
  api.on_loop([&] { api.service().answer("submit", {{"job_id", "j1"}}); });
  HttpClient client(api.port());
  client.send("POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  client.send("10\r\n{\"operations\":[1\r\n2\r\n]}\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_answer()->status, 200);
}

TEST(HttpServer, SaysContinueToClientsThatAsk) {
  ApiServer api(quick());
  HttpClient client(api.port());
  client.send("POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_bytes(25), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("{}");
  EXPECT_EQ(client.read_answer()->status, 400);
}

TEST(HttpServer, GivesTheHandlerAllHeadersAndWhoAsks) {
  ApiServer api(quick(), {one_row("/echo", [](api::Request& request, const api::Respond& respond) {
                  const std::string body = request.headers.value("x-first").value_or("none") + "|" +
                                           request.headers.value("IDEMPOTENCY-KEY").value_or("none") + "|" +
                                           request.headers.value("X-Absent").value_or("none") + "|" +
                                           std::to_string(request.headers.count("X-First")) + "|" +
                                           std::string(request.principal) + "|" + request.peer;
                  respond({200, "text/plain", body, {}});
                })});
  HttpClient client(api.port());
  client.send("GET /echo HTTP/1.1\r\nHost: localhost\r\nX-First: a\r\nidempotency-key: k 1\r\nx-FIRST: b\r\n\r\n");
  EXPECT_THAT(client.read_answer()->body, ::testing::StartsWith("a, b|k 1|none|2|anonymous|127.0.0.1:"));
}

TEST(HttpServer, ClosesWhereTheClientWantsIt) {
  ApiServer api(quick());
  for (std::string request :
       {"GET /health HTTP/1.0\r\n\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"}) {
    HttpClient client(api.port());
    client.send(request);
    auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header("connection"), "close");
    EXPECT_TRUE(client.is_closed_by_server());
  }
  HttpClient old(api.port());
  old.send("GET /health HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.read_answer()->header("connection"), "keep-alive");
}

TEST(HttpServer, AHalfClosedClientStillGetsItsAnswer) {
  ApiServer api(quick());
  give_job(api);
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  client.shutdown_send();
  EXPECT_EQ(client.read_answer()->status, 200);
}

// ---- limits
// ------------------------------------------------------------------------------------------------------------------

TEST(HttpServer, RefusesBrokenHttpWithAReason) {
  ApiServer api(quick());
  for (std::string_view bytes :
       {"\r\r\r\r", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "\x16\x03\x01\x02\x01\x01", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: abc\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "POST /jobs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    HttpClient client(api.port());
    client.send(bytes);
    auto answer = client.read_answer();
    ASSERT_TRUE(answer) << bytes;
    EXPECT_EQ(answer->status, 400) << bytes;
    EXPECT_EQ(answer->header("content-type"), "application/json; charset=utf-8");
    EXPECT_THAT(answer->body, HasSubstr("malformed HTTP request: ")) << bytes;
    EXPECT_TRUE(client.is_closed_by_server()) << bytes;
  }
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, RefusesWhatAWebPageElsewhereSends) {
  ApiServer api(quick());
  const std::string body = "{}";
  const std::string own = "http://localhost:" + std::to_string(api.port());
  const std::vector<std::pair<std::string, bool>> cases = {
      {"POST /jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n", false},
      {"POST /assets HTTP/1.1\r\nHost: localhost\r\nOrigin: null\r\n", false},
      {"GET /jobs HTTP/1.1\r\nHost: evil.example\r\n", false},
      {"GET http://evil.example/jobs HTTP/1.1\r\nHost: localhost\r\n", false},
      {"OPTIONS /jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n", false},
      {"DELETE /jobs/j1 HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: cross-site\r\n", false},
      {"GET /health HTTP/1.1\r\nHost: LOCALHOST.:1\r\nOrigin: " + own + "\r\nSec-Fetch-Site: same-origin\r\n", true},
      {"GET /health HTTP/1.0\r\n", true},
  };
  for (const auto& [head, is_fine] : cases) {
    HttpClient client(api.port());
    client.send(head + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 2\r\n\r\n" + body);
    auto answer = client.read_answer();
    ASSERT_TRUE(answer) << head;
    EXPECT_EQ(answer->status, is_fine ? 200 : 403) << head;
    if (!is_fine) {
      EXPECT_THAT(answer->body, HasSubstr("allowed_hosts")) << head;
    }
  }
  EXPECT_TRUE(api.on_loop([&] { return api.service().calls.empty(); }));
  EXPECT_TRUE(works(api));
}

// Gives pieces of a body one after the other; between two of them it may need a further turn.
class Pieces final : public api::BodySource {
 public:
  explicit Pieces(std::vector<Result<std::string>> pieces) : pieces_(std::move(pieces)) {}
  Result<std::string> next() override { return pieces_[next_++]; }
  bool at_end() const override { return next_ == pieces_.size(); }

 private:
  std::vector<Result<std::string>> pieces_;
  std::size_t next_ = 0;
};

api::Dialect in_pieces(std::vector<Result<std::string>> pieces) {
  return one_row("/pieces", [pieces](api::Request&, const api::Respond& respond) {
    api::Response response{200, "text/plain", "", {}};
    response.source = std::make_shared<Pieces>(pieces);
    respond(std::move(response));
  });
}

TEST(HttpServer, SendsABodyInPieces) {
  const std::string large(3 << 20, 'x');
  ApiServer api(quick(), {in_pieces({"", "one ", "", large, " three"})});
  HttpClient client(api.port());
  for (int i = 0; i < 2; ++i) {  // the connection goes on
    client.send(http_request("GET", "/pieces/"));
    auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->header("transfer-encoding"), "chunked");
    EXPECT_EQ(answer->header("content-length"), "");
    EXPECT_EQ(answer->body, "one " + large + " three");
  }
  client.send(http_request("HEAD", "/pieces/"));
  auto head = client.read_answer(false);
  ASSERT_TRUE(head);
  EXPECT_EQ(head->header("transfer-encoding"), "chunked");
  HttpClient old(api.port());
  old.send("GET /pieces/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const std::string all = old.read_bytes(large.size() + 10'000);
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n\r\none x"));
  EXPECT_TRUE(all.ends_with("x three"));
}

TEST(HttpServer, ABodyOfOnePieceHasALength) {
  ApiServer api(quick(), {in_pieces({"", "all"})});
  HttpClient client(api.port());
  client.send(http_request("GET", "/pieces/"));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header("content-length"), "3");
  EXPECT_EQ(answer->body, "all");
}

TEST(HttpServer, ABodyThatFailsIsAnErrorOrIsCut) {
  ApiServer api(quick(), {in_pieces({"", Error(ErrorCode::invalid, "too much")})});
  HttpClient client(api.port());
  client.send(http_request("GET", "/pieces/"));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 400);
  ApiServer later(quick(), {in_pieces({"begun", Error(ErrorCode::io, "gone"), ""})});
  HttpClient cut(later.port());
  cut.send(http_request("GET", "/pieces/"));
  EXPECT_FALSE(cut.read_answer()) << "it must not look whole";
  EXPECT_TRUE(works(later));
}

TEST(HttpServer, RefusesHugeHeaders) {
  ApiServer api(quick());
  for (std::string request : {"GET /health HTTP/1.1\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n",
                              "GET /" + std::string(100'000, 'x') + " HTTP/1.1\r\n\r\n"}) {
    HttpClient client(api.port());
    client.send(request);
    auto answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 431);
    EXPECT_THAT(answer->body, HasSubstr("the request header exceeds the limit of 16384 bytes"));
  }
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, RefusesHugeBodiesBeforeReadingThem) {
  ApiServer api(quick());
  HttpClient declared(api.port());
  declared.send("POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10485761\r\nExpect: 100-continue\r\n\r\n");
  auto answer = declared.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(answer->body,
            "{\n    \"error\": 413,\n    \"message\": \"the request body exceeds the limit of 10485760 bytes\"\n}");

  HttpClient chunked(api.port());
  chunked.send("POST /jobs HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string chunk = "100000\r\n" + std::string(1 << 20, ' ') + "\r\n";
  for (int i = 0; i < 12; ++i) chunked.send(chunk);
  answer = chunked.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, TheAnswerReachesAClientThatGoesOnSending) {
  api::HttpOptions options;
  options.linger_timeout = std::chrono::seconds(10);
  ApiServer api(options);
  HttpClient client(api.port());
  client.send("POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n");
  EXPECT_TRUE(client.send(std::string(8 << 20, 'x')));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 413);
  EXPECT_TRUE(client.ends_cleanly());
}

TEST(HttpServer, TakesABodyOfExactlyTheLimit) {
  api::HttpOptions options = quick();
  options.body_limit = 100;
  ApiServer api(options);
  for (auto [size, status] : {std::pair(100, 400), std::pair(101, 413)}) {
    HttpClient client(api.port());
    client.send(http_request("POST", "/jobs", "{}" + std::string(static_cast<std::size_t>(size) - 2, ' ')));
    EXPECT_EQ(client.read_answer()->status, status) << size;
  }
}

TEST(HttpServer, BytesThatAreNoTextAreHarmless) {
  ApiServer api(quick());
  HttpClient client(api.port());
  client.send(http_request("POST", "/jobs", "{\"operations\":[\"\xFF\xFE\"]}"));
  EXPECT_EQ(client.read_answer()->status, 400);
  client.send(http_request("GET", "/jobs?size=%FF\x80"));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  HttpClient path(api.port());
  path.send(http_request("GET", "/jobs/\xFF"));
  EXPECT_EQ(path.read_answer()->status, 400);
  EXPECT_TRUE(works(api));
}

// ---- time limits
// -------------------------------------------------------------------------------------------------------------

TEST(HttpServer, SlowRequestsTimeOut) {
  api::HttpOptions options = quick();
  options.read_timeout = milliseconds(60);
  ApiServer api(options);
  for (std::string_view part : {"GET /hea", "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{"}) {
    HttpClient client(api.port());
    client.send(part);
    auto answer = client.read_answer();
    ASSERT_TRUE(answer) << part;
    EXPECT_EQ(answer->status, 408);
    EXPECT_THAT(answer->body, HasSubstr("the request was not complete within 60 ms"));
    EXPECT_TRUE(client.is_closed_by_server());
  }
  EXPECT_TRUE(works(api));
}

// A connection that says nothing is idle, and not a request that takes too long.
TEST(HttpServer, AWakeUpWithoutBytesBeginsNoRequest) {
  set_fault_handler([](std::string_view point) -> Result<void> {
    if (point == "readiness") return Error(ErrorCode::io, "a wake-up without an event");
    return {};
  });
  api::HttpOptions options = quick();
  options.read_timeout = milliseconds(30);
  options.idle_timeout = milliseconds(200);
  {
    ApiServer api(options);
    HttpClient silent(api.port());
    const auto answer = silent.read_answer();
    EXPECT_FALSE(answer) << "it was answered " << answer->status;
    EXPECT_TRUE(silent.is_closed_by_server());
    EXPECT_TRUE(works(api));
  }
  set_fault_handler(nullptr);
}

TEST(HttpServer, ADripOfHeaderBytesDoesNotExtendTheTimeLimit) {
  api::HttpOptions options = quick();
  options.read_timeout = milliseconds(100);
  ApiServer api(options);
  HttpClient client(api.port());
  client.send("GET /health HTTP/1.1\r\n");
  std::atomic<bool> over = false;
  std::thread drip([&] {
    while (!over && client.send("X-A: b\r\n")) usleep(5'000);
  });
  auto answer = client.read_answer();
  over = true;
  drip.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 408);
}

TEST(HttpServer, IdleConnectionsAreClosed) {
  api::HttpOptions options = quick();
  options.idle_timeout = milliseconds(50);
  ApiServer api(options);
  HttpClient fresh(api.port());
  EXPECT_TRUE(fresh.is_closed_by_server());
  HttpClient used(api.port());
  used.send(http_request("GET", "/health"));
  EXPECT_EQ(used.read_answer()->status, 200);
  EXPECT_TRUE(used.is_closed_by_server());
}

TEST(HttpServer, WaitingForAnAnswerIsNotIdle) {
  api::HttpOptions options = quick();
  options.idle_timeout = options.read_timeout = milliseconds(20);
  ApiServer api(options);
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  ASSERT_TRUE(api.wait_until([&] { return !api.service().calls.empty(); }));
  std::promise<void> later;  // several sweeps pass
  api.loop().post([&] { api.loop().after(milliseconds(100), [&] { later.set_value(); }); });
  later.get_future().wait();
  api.on_loop([&] { api.service().release("get_job"); });
  EXPECT_EQ(client.read_answer()->status, 200);
}

TEST(HttpServer, AnAnswerThatNeverComesIs503AndALateOneIsDropped) {
  api::HttpOptions options = quick();
  options.answer_timeout = milliseconds(50);
  ApiServer api(options);
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("no answer within 50 ms"));
  EXPECT_TRUE(client.is_closed_by_server());
  api.on_loop([&] { api.service().release("get_job"); });
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, AClientThatDoesNotReadIsDropped) {
  api::HttpOptions options = quick();
  options.write_timeout = milliseconds(100);
  ApiServer api(options, {one_row("/large", [](api::Request&, const api::Respond& respond) {
                  respond({200, "text/plain", std::string(64 << 20, 'x'), {}});  // more than the sockets' buffers hold
                })});
  HttpClient client(api.port());
  client.send(http_request("GET", "/large"));
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().requests == 1; }));
  EXPECT_TRUE(api.wait_until([&] { return api.server().counters().connections == 0; }));
}

// ---- clients and handlers that leave
// ---------------------------------------------------------------------------------------

TEST(HttpServer, AClientMayLeaveAtAnyPoint) {
  ApiServer api(quick());
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  std::string whole = http_request("POST", "/jobs", "{\"operations\":[1]}");
  for (std::size_t length = 0; length < whole.size(); length += 7) {
    HttpClient client(api.port());
    client.send(std::string_view(whole).substr(0, length));
    if (length % 2 == 0) client.reset();
  }
  for (int i = 0; i < 20; ++i) {
    HttpClient client(api.port());
    client.send(http_request("GET", "/jobs/j1"));
    if (i % 2 == 0) client.reset();
  }
  ASSERT_TRUE(api.wait_until([&] { return api.service().calls.size() >= 10; }));
  api.on_loop([&] { api.service().release("get_job"); });
  EXPECT_TRUE(api.wait_until([&] { return api.server().counters().connections == 0; }));
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, ADroppedReplyIsAnErrorNotSilence) {
  ApiServer api(quick());
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  ASSERT_TRUE(api.wait_until([&] { return !api.service().calls.empty(); }));
  api.on_loop([&] { api.service().drop("get_job"); });
  auto answer = client.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
}

TEST(HttpServer, OnlyTheFirstAnswerCounts) {
  auto twice = one_row("/twice", [](api::Request&, const api::Respond& respond) {
    respond({200, "text/plain", "first", {}});
    respond({200, "text/plain", "second", {}});
  });
  ApiServer api(quick(), {twice});
  HttpClient client(api.port());
  client.send(http_request("GET", "/twice") + http_request("GET", "/health"));
  EXPECT_EQ(client.read_answer()->body, "first");
  EXPECT_THAT(client.read_answer()->body, HasSubstr("UP"));
}

// ---- many connections
// ------------------------------------------------------------------------------------------------------

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint64_t kIdleBytes = 64u << 20;  // freed memory is kept, and every byte has a shadow
#else
constexpr std::uint64_t kIdleBytes = 4u << 20;
#endif

std::uint64_t resident_bytes() {
  long pages = 0;
  if (FILE* file = ::fopen("/proc/self/statm", "r")) {
    if (::fscanf(file, "%*s %ld", &pages) != 1) pages = 0;
    ::fclose(file);
  }
  return static_cast<std::uint64_t>(pages) * 4096;
}

TEST(HttpServer, HoldsAThousandIdleConnectionsInLittleMemory) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 2200) GTEST_SKIP() << "this user may open too few files";
  ApiServer api(quick());
  ASSERT_TRUE(works(api));
  std::uint64_t before = resident_bytes();
  std::vector<HttpClient> clients;
  clients.reserve(1000);
  for (int i = 0; i < 1000; ++i) clients.emplace_back(api.port());
  for (HttpClient& client : clients) client.send(http_request("GET", "/health"));
  for (HttpClient& client : clients) ASSERT_EQ(client.read_answer()->status, 200);
  EXPECT_EQ(api.on_loop([&] { return api.server().counters().connections; }), 1000u);
  EXPECT_LT(resident_bytes() - before, kIdleBytes);
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, BeyondTheConnectionLimitANewClientTakesThePlaceOfTheOneThatIdledLongest) {
  api::HttpOptions options = quick();
  options.connection_limit = 2;
  ApiServer api(options);
  HttpClient first(api.port());
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().connections == 1; }));
  HttpClient second(api.port());
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().connections == 2; }));
  HttpClient third(api.port());
  third.send(http_request("GET", "/health"));
  EXPECT_EQ(third.read_answer()->status, 200);
  EXPECT_TRUE(first.is_closed_by_server());
  second.send(http_request("GET", "/health"));
  EXPECT_EQ(second.read_answer()->status, 200) << "the other one stays";
}

TEST(HttpServer, BeyondTheConnectionLimitHalfSentRequestsGiveWayButLast) {
  api::HttpOptions options = quick();
  options.connection_limit = 2;
  ApiServer api(options);
  HttpClient half(api.port());
  half.send("GET /hea");
  HttpClient idle(api.port());
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().connections == 2; }));
  HttpClient third(api.port());
  third.send("GET /hea");
  EXPECT_TRUE(idle.is_closed_by_server()) << "it asked for nothing yet";
  HttpClient fourth(api.port());
  fourth.send(http_request("GET", "/health"));
  EXPECT_EQ(fourth.read_answer()->status, 200);
}

TEST(HttpServer, BeyondTheConnectionLimitClientsWaitForThoseThatWaitForUs) {
  api::HttpOptions options = quick();
  options.connection_limit = 1;
  options.accept_pause = milliseconds(10);
  ApiServer api(options);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient first(api.port());
  first.send(http_request("GET", "/jobs/j1", {}, "Connection: close\r\n"));
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().requests == 1; }));
  HttpClient second(api.port());
  second.send(http_request("GET", "/health"));
  give_job(api);
  api.on_loop([&] { api.service().release("get_job"); });
  EXPECT_EQ(first.read_answer()->status, 200);
  EXPECT_EQ(second.read_answer()->status, 200);
}

TEST(HttpServer, AllBodiesTogetherAreBoundedAndTheLargestOneGoes) {
  api::HttpOptions options = quick();
  options.bodies_limit = 1 << 20;
  ApiServer api(options);
  give_job(api);
  const auto head = [](std::size_t length) {
    return "POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  HttpClient large(api.port());
  large.send(head(800'000) + std::string(700'000, ' '));
  HttpClient small(api.port());
  small.send(head(400'000) + std::string(390'000, ' '));
  const auto answer = large.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_THAT(answer->body, HasSubstr("all request bodies together exceed the limit of 1048576 bytes"));
  small.send(std::string(10'000, ' '));
  ASSERT_TRUE(small.read_answer()) << "what was given up is free again";
  EXPECT_TRUE(works(api));
}

TEST(HttpServer, SurvivesRunningOutOfDescriptors) {
  api::HttpOptions options = quick();
  options.accept_pause = milliseconds(10);
  ApiServer api(options);
  HttpClient client;  // has its descriptor already
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  int lowest_free = ::dup(client.descriptor());
  ::close(lowest_free);
  none.rlim_cur = static_cast<rlim_t>(lowest_free);
  ::setrlimit(RLIMIT_NOFILE, &none);
  client.connect(api.port());
  client.send(http_request("GET", "/health"));
  bool failed = api.wait_until([&] { return api.server().counters().accept_failures >= 2; });
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(failed);
  EXPECT_EQ(client.read_answer()->status, 200);
}

// ---- start and stop
// --------------------------------------------------------------------------------------------------------

TEST(HttpServer, SaysThatThePortIsInUse) {
  ApiServer api(quick());
  AsioLoop loop;
  api::HttpOptions options;
  options.port = api.port();
  auto second = api::start_http_server(loop, options, api.router());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::conflict);
  EXPECT_EQ(second.error().message, "port " + std::to_string(api.port()) + " on 127.0.0.1 is in use");
}

TEST(HttpServer, SaysThatAnAddressCannotBeBound) {
  AsioLoop loop;
  api::Router router;
  api::HttpOptions options;
  options.port = 0;
  options.address = "192.0.2.1";  // reserved for documentation
  auto foreign = api::start_http_server(loop, options, router);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, ErrorCode::invalid);
  EXPECT_EQ(foreign.error().message, "192.0.2.1 is not an address of this machine");
  options.address = "300.1.1.1";
  auto wrong = api::start_http_server(loop, options, router);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::invalid);
  EXPECT_THAT(wrong.error().message, HasSubstr("\"300.1.1.1\" is no address to listen on"));
}

TEST(HttpServer, TakesAHostName) {
  AsioLoop loop;
  api::Router router;
  api::HttpOptions options;
  options.port = 0;
  options.address = "localhost";
  auto server = api::start_http_server(loop, options, router);
  ASSERT_TRUE(server) << server.error().message;
  EXPECT_NE((*server)->port(), 0);
}

TEST(HttpServer, StopFinishesTheAnswerInFlightAndNothingElse) {
  ApiServer api(quick());
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient idle(api.port());
  HttpClient half(api.port());
  half.send("GET /heal");
  HttpClient busy(api.port());
  busy.send(http_request("GET", "/jobs/j1") + http_request("GET", "/health"));
  ASSERT_TRUE(api.wait_until(
      [&] { return api.server().counters().requests == 1 && api.server().counters().connections == 3; }));

  std::atomic<int> done = 0;
  api.on_loop([&] {
    api.server().stop([&] { ++done; });
    api.server().stop([&] { ++done; });
  });
  EXPECT_TRUE(idle.is_closed_by_server());
  EXPECT_TRUE(half.is_closed_by_server());
  EXPECT_FALSE(HttpClient().connect(api.port()));
  EXPECT_EQ(done, 0);
  api.on_loop([&] { api.service().release("get_job"); });
  auto answer = busy.read_answer();
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->header("connection"), "close");
  EXPECT_FALSE(busy.read_answer());  // the pipelined one was not begun
  EXPECT_TRUE(api.wait_until([&] { return done == 2; }));
  api.on_loop([&] { api.server().stop([&] { ++done; }); });
  EXPECT_TRUE(api.wait_until([&] { return done == 3; }));
  EXPECT_EQ(api.on_loop([&] { return api.server().port(); }), api.port());
}

TEST(HttpServer, StopWaitsForItsLimitAtMost) {
  api::HttpOptions options = quick();
  options.stop_timeout = milliseconds(50);
  ApiServer api(options);
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().requests == 1; }));
  std::atomic<bool> done = false;
  api.on_loop([&] { api.server().stop([&] { done = true; }); });
  EXPECT_TRUE(api.wait_until([&] { return done.load(); }));
  EXPECT_TRUE(client.is_closed_by_server());
  api.on_loop([&] { api.service().release("get_job"); });
}

TEST(HttpServer, MayBeDestroyedWithAnswersInFlight) {
  ApiServer api(quick());
  give_job(api);
  api.on_loop([&] { api.service().hold("get_job"); });
  HttpClient client(api.port());
  client.send(http_request("GET", "/jobs/j1"));
  ASSERT_TRUE(api.wait_until([&] { return api.server().counters().requests == 1; }));
  api.on_loop([&] { api.destroy_server(); });
  EXPECT_TRUE(client.is_closed_by_server());
  api.on_loop([&] { api.service().release("get_job"); });
}

}  // namespace
}  // namespace slicemill
