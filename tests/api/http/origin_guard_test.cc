#include "api/http/origin_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace slicemill::api {
namespace {

using ::testing::HasSubstr;

const LocalEnd kLoopback{"127.0.0.1", 5678};

OriginGuard guard(const std::string& bind = "127.0.0.1", const std::vector<std::string>& allowed = {}) {
  return *OriginGuard::make(bind, allowed);
}

std::string host(std::string_view text, const OriginGuard& by = guard(), const LocalEnd& local = kLoopback) {
  return by.refusal({.hosts = {text}, .origins = {}, .sites = {}}, local);
}

std::string origin(std::string_view text, const OriginGuard& by = guard(), std::string_view at = "localhost:5678") {
  return by.refusal({.hosts = {at}, .origins = {text}, .sites = {}}, kLoopback);
}

std::string site(std::string_view text, const OriginGuard& by = guard()) {
  return by.refusal({.hosts = {"localhost:5678"}, .origins = {}, .sites = {text}}, kLoopback);
}

TEST(OriginGuard, TakesTheNamesOfTheLoopback) {
  for (std::string_view text : {"localhost", "LocalHost:5678", "localhost.", "localhost.:80", "jobs.localhost",
                                "127.0.0.1", "127.0.0.1:5678", "127.9.8.7", "127.1:5678", "[::1]", "[::1]:5678",
                                "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]:1", "0.0.0.0:5678", ""})
    EXPECT_EQ(host(text), "") << text;
  EXPECT_EQ(guard().refusal({}, kLoopback), "") << "a client without a Host";
}

TEST(OriginGuard, RefusesForeignHosts) {
  for (std::string_view text :
       {"evil.example", "evil.example:5678", "localhost.evil.example", "127.0.0.1.evil.example", "notlocalhost",
        "192.0.2.1", "[2001:db8::1]:5678", "128.0.0.1", "localhost:evil", "local host", "[::1", "user@localhost", "*"})
    EXPECT_NE(host(text), "") << text;
  EXPECT_THAT(host("evil.example"), HasSubstr("\"evil.example\", which is not one of this server's names"));
  EXPECT_THAT(host("evil.example"), HasSubstr("allowed_hosts"));
  EXPECT_NE(guard().refusal({.hosts = {"localhost", "evil.example"}, .origins = {}, .sites = {}}, kLoopback), "")
      << "each of several counts";
}

TEST(OriginGuard, RemembersNoHostThatIsForeign) {
  const OriginGuard one = guard();
  EXPECT_EQ(host("localhost", one), "");
  EXPECT_NE(host("evil.example", one), "");
  EXPECT_NE(host("evil.example", one), "");
  EXPECT_EQ(host("localhost", one), "");
}

TEST(OriginGuard, KnowsTheMachineBehindAWildcard) {
  std::array<char, 256> name{};
  ASSERT_EQ(gethostname(name.data(), name.size() - 1), 0);
  const OriginGuard all = guard("0.0.0.0");
  const LocalEnd lan{"10.1.2.3", 5678};
  EXPECT_EQ(host(std::string(name.data()) + ":5678", all, lan), "");
  EXPECT_EQ(host("10.1.2.3:5678", all, lan), "") << "the address that the client connected to";
  EXPECT_NE(host("10.1.2.4:5678", all, lan), "");
  EXPECT_NE(host("evil.example", all, lan), "");
  EXPECT_EQ(host("10.1.2.3", guard("10.1.2.3"), lan), "");
  EXPECT_EQ(host("Server.lan", guard("server.lan"), lan), "") << "the name that it was told to bind";
}

TEST(OriginGuard, TakesAllowedHosts) {
  const OriginGuard some = guard("127.0.0.1", {"jobs.example.com", "*.lan", "10.0.0.5", "[fd00::1]"});
  for (std::string_view text :
       {"jobs.example.com:443", "JOBS.example.com.", "a.lan", "a.b.lan", "10.0.0.5:1", "[fd00::1]"})
    EXPECT_EQ(host(text, some), "") << text;
  for (std::string_view text : {"example.com", "x.jobs.example.com", "lan", "10.0.0.6"})
    EXPECT_NE(host(text, some), "") << text;
  EXPECT_EQ(host("evil.example", guard("127.0.0.1", {"*"})), "");
  for (const char* wrong : {"http://a", "a b", "*a", "a.*", "", "[::", "a:b"})
    EXPECT_FALSE(OriginGuard::make("127.0.0.1", {wrong})) << wrong;
}

TEST(OriginGuard, RefusesForeignOrigins) {
  for (std::string_view text : {"http://evil.example", "https://evil.example:5678", "null", "", "file://",
                                "http://localhost:3000", "http://127.0.0.1", "chrome-extension://abc", "localhost:5678",
                                "http://localhost.evil.example:5678", "http://localhost:5678/x"})
    EXPECT_NE(origin(text), "") << text;
  EXPECT_THAT(origin("http://evil.example"), HasSubstr("another origin, \"http://evil.example\""));
}

TEST(OriginGuard, TakesItsOwnPages) {
  EXPECT_EQ(origin("http://localhost:5678"), "");
  EXPECT_EQ(origin("HTTP://127.0.0.1:5678"), "");
  EXPECT_EQ(origin("http://localhost:8080", guard(), "localhost:8080"), "") << "through a tunnel";
  EXPECT_EQ(origin("http://localhost", guard(), "localhost"), "");
  EXPECT_EQ(origin("https://jobs.example.com", guard("127.0.0.1", {"jobs.example.com"}), "jobs.example.com"), "");
}

TEST(OriginGuard, TakesPagesOfAllowedHosts) {
  const OriginGuard some = guard("127.0.0.1", {"dashboard.lan:8080", "pages.lan"});
  EXPECT_EQ(origin("http://dashboard.lan:8080", some), "");
  EXPECT_NE(origin("http://dashboard.lan:8081", some), "");
  EXPECT_EQ(origin("https://pages.lan:1", some), "");
  EXPECT_EQ(
      some.refusal({.hosts = {"localhost:5678"}, .origins = {"http://pages.lan"}, .sites = {"cross-site"}}, kLoopback),
      "");
}

TEST(OriginGuard, RefusesOtherSites) {
  EXPECT_EQ(site("none"), "");
  EXPECT_EQ(site("same-origin"), "");
  for (std::string_view text : {"cross-site", "Cross-Site", "same-site", "", "what"}) EXPECT_NE(site(text), "") << text;
  EXPECT_NE(
      guard().refusal({.hosts = {"localhost:5678"}, .origins = {"http://localhost:5678"}, .sites = {"cross-site"}},
                      kLoopback),
      "");
}

}  // namespace
}  // namespace slicemill::api
