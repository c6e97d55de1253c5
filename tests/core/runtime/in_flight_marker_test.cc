#include "core/runtime/in_flight_marker.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slicemill {
namespace {

std::string note_path() {
  return testing::TempDir() + "/in_flight_marker_" + std::to_string(getpid());
}

TEST(InFlightMarker, TellsWhatRunsAndNothingWhenIdle) {
  auto note = create_in_flight_marker(note_path(), {"boot", 7, 8});
  ASSERT_TRUE(note);
  EXPECT_EQ(read_in_flight_marker(note_path())->begun, std::nullopt);
  const InFlightSlice slice{1, 2, 3, 4, 5, 6};
  (*note)->begin(slice);
  EXPECT_EQ(read_in_flight_marker(note_path())->begun, slice);
  EXPECT_EQ(read_in_flight_marker(note_path())->worker, (ProcessIdentity{"boot", 7, 8}));
  EXPECT_FALSE(read_in_flight_marker(note_path())->excused);
  (*note)->end();
  EXPECT_EQ(read_in_flight_marker(note_path())->begun, std::nullopt);
  (*note)->excuse();
  EXPECT_TRUE(read_in_flight_marker(note_path())->excused);
  EXPECT_EQ(in_flight_markers_in("/nonexistent").size(), 0u);
}

TEST(InFlightMarker, OutlivesSigkill) {
  const std::string path = note_path();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t child = fork();
  if (child == 0) {
    auto note = create_in_flight_marker(path, {"boot", 7, 8});
    if (note) (*note)->begin({0, 0, 42, 1, 7, 1});
    (void)!write(ready[1], "x", 1);
    pause();
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  const auto begun = read_in_flight_marker(path);
  ASSERT_TRUE(begun && begun->begun);
  EXPECT_EQ(begun->begun->order, 42u);
}

TEST(InFlightMarker, MissingFileIsAnErrorThatNamesIt) {
  const auto missing = read_in_flight_marker("/nonexistent/note");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::not_found);
  EXPECT_NE(missing.error().message.find("/nonexistent/note"), std::string::npos);
}

}  // namespace
}  // namespace slicemill
