#include "core/model/launch.h"

#include <gtest/gtest.h>

namespace slicemill {
namespace {

TEST(ControllerLaunch, SurvivesItsFile) {
  ControllerLaunch launch;
  launch.ex_id = "ex";
  launch.job_id = "job";
  launch.epoch = 7;
  launch.job.name = "n";
  launch.job.plan = {{.name = "id_range"}};
  launch.cleanup = CleanupType::errors;
  launch.living_workers = 3;
  launch.settings.lease_ms = 77;
  const auto back = ControllerLaunch::from_json(*parse_json(to_compact_text(launch.to_json())));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->epoch, 7u);
  EXPECT_EQ(back->cleanup, CleanupType::errors);
  EXPECT_EQ(back->living_workers, 3u);
  EXPECT_EQ(back->settings.lease_ms, 77);
  EXPECT_EQ(back->job, launch.job);
}

TEST(ControllerLaunch, AMissingFieldIsNamed) {
  const auto bad = ControllerLaunch::from_json(Json{{"ex_id", "x"}});
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().message.find("job_id"), std::string::npos);
}

TEST(DataLayout, SocketPathsStayShort) {
  const auto layout = DataLayout::of("/" + std::string(300, 'd'));
  EXPECT_LT(layout.controller_endpoint("5a50580c-4a50-48d9-80f8-ac70a00f3dbd").size(), 100u);
  EXPECT_NE(layout.runtime, DataLayout::of("/other").runtime);
}

}  // namespace
}  // namespace slicemill
