#include "api/dialects/teraslice/response_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "api/dialects/teraslice/teraslice_routes.h"
#include "api/http/router.h"
#include "tests/fakes/fake_job_service.h"

namespace slicemill::api::teraslice {
namespace {

Response response(std::string body) {
  return {200, "text/plain", std::move(body), {}};
}

TEST(ResponseCache, AreOfOneRevision) {
  ResponseCache kept;
  EXPECT_EQ(kept.find("/a", 0), nullptr);
  kept.keep("/a", 5, response("one"));
  kept.keep("/b", 5, response("two"));
  ASSERT_NE(kept.find("/a", 5), nullptr);
  EXPECT_EQ(kept.find("/a", 5)->body, "one");
  EXPECT_EQ(kept.find("/b", 5)->body, "two");
  EXPECT_EQ(kept.find("/a", 6), nullptr);
  kept.keep("/b", 6, response("three"));
  EXPECT_EQ(kept.find("/a", 6), nullptr) << "of another revision";
  EXPECT_EQ(kept.find("/b", 6)->body, "three");
}

TEST(ResponseCache, AreBounded) {
  ResponseCache kept;
  kept.keep("/huge", 1, response(std::string(ResponseCache::kMostBytes, 'x')));
  EXPECT_EQ(kept.find("/huge", 1), nullptr);
  const std::size_t half = ResponseCache::kMostBytes / 2;
  kept.keep("/1", 1, response(std::string(half, 'x')));
  kept.keep("/2", 1, response(std::string(half, 'x')));
  EXPECT_EQ(kept.find("/1", 1), nullptr) << "forgotten for the next one";
  EXPECT_NE(kept.find("/2", 1), nullptr);
}

class KeptLists : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(router_.mount(dialect(service_, service_))); }
  std::string get(const std::string& path, const std::string& query = "") {
    Request request;
    request.method = Method::get;
    request.method_text = "GET";
    request.target = path + (query.empty() ? "" : "?" + query);
    if (!query.empty()) request.query.push_back({query.substr(0, query.find('=')), query.substr(query.find('=') + 1)});
    std::string body;
    router_.handle(request, [&](const Response& answered) { body = answered.body; });
    return body;
  }
  std::size_t calls() const { return service_.calls.size(); }

  FakeJobService service_;
  Router router_;
};

TEST_F(KeptLists, AreMadeAnewWhenSomethingHasChanged) {
  struct Kept {
    std::string path;
    std::string call;
    bool is_list;
  };
  const std::vector<Kept> all = {{"/v1/jobs", "list_jobs", true},
                                 {"/v1/cluster/state", "cluster_state", false},
                                 {"/v1/jobs/some", "get_job", false},
                                 {"/v1/ex", "list_executions", true},
                                 {"/v1/ex/some", "get_execution", false}};
  for (const auto& [path, call, is_list] : all) {
    const auto answer = [&](const Json& item) { service_.answer(call, is_list ? Json::array({item}) : item); };
    service_.shown_revision = 1;
    service_.calls.clear();
    answer({{"name", "one"}});
    const std::string first = get(path);
    EXPECT_THAT(first, testing::HasSubstr("one"));
    answer({{"name", "two"}});
    EXPECT_EQ(get(path), first);
    EXPECT_EQ(calls(), 1u) << path;
    service_.shown_revision = 2;
    EXPECT_THAT(get(path), testing::HasSubstr("two"));
    EXPECT_EQ(calls(), 2u) << path;
    service_.shown_revision.reset();
    (void)get(path);
    (void)get(path);
    EXPECT_EQ(calls(), 4u) << "they may change at any time";
  }
}

TEST_F(KeptLists, AreByTheirWholeTarget) {
  service_.shown_revision = 1;
  service_.answer("list_jobs", Json::array());
  for (const std::string query : {"", "size=5", "size=6", "", "size=5"}) (void)get("/v1/jobs", query);
  EXPECT_EQ(calls(), 3u);
}

TEST_F(KeptLists, WhatLooksAtTheClockIsNotKept) {
  service_.shown_revision = 1;
  service_.answer("list_jobs", Json::array());
  service_.answer("list_executions", Json::array());
  for (const std::string path : {"/v1/jobs", "/v1/jobs", "/v1/ex", "/v1/ex"}) (void)get(path, "filter=name:x");
  EXPECT_EQ(calls(), 4u);
}

TEST_F(KeptLists, ErrorsAreNotKept) {
  service_.shown_revision = 1;
  service_.fail("list_jobs", Error(ErrorCode::unavailable, "not now"));
  EXPECT_THAT(get("/v1/jobs"), testing::HasSubstr("not now"));
  service_.answer("list_jobs", Json::array());
  EXPECT_EQ(get("/v1/jobs"), "[]");
}

}  // namespace
}  // namespace slicemill::api::teraslice
