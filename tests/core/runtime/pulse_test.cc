#include "core/runtime/pulse.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace slicemill {
namespace {

using namespace std::chrono_literals;

TEST(Pulse, IsSeenByWhoeverOpensItAndOutlivesItsOwner) {
  auto pulse = Pulse::create();
  ASSERT_TRUE(pulse);
  const auto view = PulseView::open((*pulse)->path());
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ((*view)->last(), SteadyTime());
  (*pulse)->beat(SteadyTime(5s));
  EXPECT_EQ((*view)->last(), SteadyTime(5s));
  (*pulse)->beat(SteadyTime(7s));
  pulse->reset();
  EXPECT_EQ((*view)->last(), SteadyTime(7s));
}

TEST(Pulse, WhatCouldShrinkUnderItsReaderIsNoPulse) {
  const std::string path = testing::TempDir() + "/no_pulse_" + std::to_string(getpid());
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  ASSERT_EQ(ftruncate(fd, 4096), 0);
  EXPECT_EQ(PulseView::open(path).error().code, ErrorCode::invalid);
  EXPECT_EQ(PulseView::open("/proc/self/fd/100000").error().code, ErrorCode::not_found);
  close(fd);
  unlink(path.c_str());
}

}  // namespace
}  // namespace slicemill
