#include "api/http/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>

namespace slicemill::api {
namespace {

using ::testing::HasSubstr;

// A handler that answers with its name and the path parameters.
Handler named(std::string name) {
  return [name](Request& request, const Respond& respond) {
    std::string body = name;
    for (const Parameter& parameter : request.path_parameters) body += " " + parameter.name + "=" + parameter.value;
    respond({200, "text/plain", body, {}});
  };
}

Dialect dialect(std::string name, std::vector<std::string> prefixes, std::vector<Route> routes) {
  Dialect out;
  out.name = name;
  out.prefixes = std::move(prefixes);
  out.routes = std::move(routes);
  out.error = [name](int status, std::string_view message) {
    return Response{status, "text/plain", name + " error: " + std::string(message), {}};
  };
  out.unknown = [name](const Request&, std::span<const Method> allowed) {
    return Response{allowed.empty() ? 404 : 405, "text/plain", name + " unknown", {}};
  };
  return out;
}

struct Answered {
  int status = 0;
  std::string body;
  std::string allow;
  int times = 0;
};

Answered ask(const Router& router, Method method, std::string target) {
  Request request;
  request.method = method;
  request.method_text = to_string(method);
  request.target = std::move(target);
  Answered out;
  router.handle(request, [&](Response response) {
    out.status = response.status;
    out.body = response.body;
    for (const Parameter& header : response.headers)
      if (header.name == "Allow") out.allow = header.value;
    ++out.times;
  });
  EXPECT_EQ(out.times, 1) << request.target;
  return out;
}

TEST(Router, LiteralsWinOverParametersInAnyOrder) {
  Router router;
  ASSERT_TRUE(router.mount(dialect("t", {""},
                                   {{Method::get, "/ex/:id", named("one")},
                                    {Method::get, "/ex/errors", named("errors")},
                                    {Method::post, "/ex/:id", named("post")},
                                    {Method::get, "/ex/:ex_id/errors/:n", named("deep")}})));
  EXPECT_EQ(ask(router, Method::get, "/ex/errors").body, "errors");
  EXPECT_EQ(ask(router, Method::get, "/ex/e1").body, "one id=e1");
  EXPECT_EQ(ask(router, Method::post, "/ex/errors").body, "post id=errors");
  EXPECT_EQ(ask(router, Method::get, "/ex/errors/errors/7").body, "deep ex_id=errors n=7");
  EXPECT_EQ(ask(router, Method::get, "/EX/ERRORS/").body, "errors");
  EXPECT_EQ(ask(router, Method::get, "/ex").status, 404);
  EXPECT_EQ(ask(router, Method::get, "/ex/a/b").status, 404);
}

TEST(Router, HeadFallsBackToGetAndOptionsListsMethods) {
  Router router;
  ASSERT_TRUE(router.mount(dialect("t", {""}, {{Method::get, "/a", named("a")}, {Method::put, "/a", named("put")}})));
  EXPECT_EQ(ask(router, Method::head, "/a").body, "a");
  EXPECT_EQ(ask(router, Method::options, "/a").allow, "GET, HEAD, PUT");
  EXPECT_EQ(ask(router, Method::options, "*").status, 200);
  EXPECT_EQ(ask(router, Method::options, "/b").status, 404);
  Answered refused = ask(router, Method::del, "/a");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.allow, "GET, HEAD, PUT");
}

TEST(Router, DialectsWithTheSamePathsLiveUnderTheirOwnPrefixes) {
  Router router;
  ASSERT_TRUE(router.mount(dialect("first", {"", "/v1"}, {{Method::get, "/jobs", named("first jobs")}})));
  ASSERT_TRUE(router.mount(dialect("second", {"/second"}, {{Method::get, "/jobs", named("second jobs")}})));
  EXPECT_EQ(ask(router, Method::get, "/jobs").body, "first jobs");
  EXPECT_EQ(ask(router, Method::get, "/v1/jobs").body, "first jobs");
  EXPECT_EQ(ask(router, Method::get, "/second/jobs").body, "second jobs");
  EXPECT_EQ(ask(router, Method::get, "/Second/nope").body, "second unknown");
  EXPECT_EQ(ask(router, Method::get, "/secondary").body, "first unknown");
  EXPECT_EQ(ask(router, Method::get, "/second/a%zz").body,
            "second error: broken percent-encoding at byte 1 of \"a%zz\"");
  EXPECT_EQ(router.error("/second", 413, "too large").body, "second error: too large");
}

TEST(Router, ATakenRowIsAConflictAndMountsNothing) {
  Router router;
  ASSERT_TRUE(router.mount(dialect("first", {""}, {{Method::get, "/jobs/:id", named("first")}})));
  auto clash = router.mount(
      dialect("second", {""}, {{Method::get, "/new", named("new")}, {Method::get, "/Jobs/:other", named("second")}}));
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().code, ErrorCode::conflict);
  EXPECT_EQ(clash.error().message, "route GET /Jobs/:other of second is taken by first");
  EXPECT_EQ(ask(router, Method::get, "/new").body, "first unknown");
  EXPECT_EQ(ask(router, Method::get, "/jobs/1").body, "first id=1");
}

TEST(Router, APatternBeginsWithASlash) {
  Router router;
  auto mounted = router.mount(dialect("t", {""}, {{Method::get, "jobs", named("a")}}));
  ASSERT_FALSE(mounted);
  EXPECT_EQ(mounted.error().code, ErrorCode::invalid);
}

TEST(Router, OwnRoutesRefuseParametersThatTheyDoNotKnow) {
  static constexpr ParameterDoc kParameters[] = {{"lines", "integer", "So many."},
                                                 {.name = "Some-Header", .type = "string", .is_header = true},
                                                 {"from", "string", "Behind this."}};
  Router router;
  Route own{Method::get, "/own", named("own")};
  own.doc = {.parameters = kParameters, .ours = true};
  Route bare{Method::get, "/bare", named("bare")};
  bare.doc = {.ours = true};
  ASSERT_TRUE(router.mount(dialect("t", {""}, {own, bare, {Method::get, "/others", named("others")}})));
  EXPECT_EQ(ask(router, Method::get, "/own?lines=1&from=").body, "own");
  Answered refused = ask(router, Method::get, "/own?lines=1&worker=2&x");
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.body, "t error: unknown query parameter \"worker\"; this route has lines, from");
  EXPECT_EQ(ask(router, Method::get, "/own?Some-Header=1").status, 400) << "a header is none";
  EXPECT_EQ(ask(router, Method::get, "/bare?a%0Ab").body,
            "t error: unknown query parameter \"a\\nb\"; this route has none");
  EXPECT_EQ(ask(router, Method::get, "/others?worker=2").body, "others") << "those of another product take what comes";
}

TEST(Router, AnExceptionOfAHandlerIsAnError) {
  Router router;
  ASSERT_TRUE(router.mount(
      dialect("t", {""}, {{Method::get, "/a", [](Request&, const Respond&) { throw std::runtime_error("broken"); }}})));
  Answered answer = ask(router, Method::get, "/a");
  EXPECT_EQ(answer.status, 500);
  EXPECT_THAT(answer.body, HasSubstr("internal error: broken; see "));
}

TEST(Router, WithoutDialectsNothingIsFound) {
  Router router;
  EXPECT_EQ(ask(router, Method::get, "/a").status, 404);
  EXPECT_EQ(ask(router, Method::get, "/%").status, 400);
}

}  // namespace
}  // namespace slicemill::api
