#include "api/http/error_table.h"

#include <gtest/gtest.h>

#include "api/dialects/teraslice/teraslice_json.h"

namespace slicemill::api {
namespace {

TEST(ErrorTable, TerasliceStatuses) {
  const ErrorTable& table = teraslice::error_table();
  auto status = [&](ErrorCode code, const char* message) { return table.status(Error(code, message)); };
  EXPECT_EQ(status(ErrorCode::invalid, "Validation failed for job config: a"), 500);
  EXPECT_EQ(status(ErrorCode::invalid, "No job was posted"), 400);
  EXPECT_EQ(status(ErrorCode::not_found, "x"), 404);
  EXPECT_EQ(status(ErrorCode::conflict, "x"), 409);
  EXPECT_EQ(status(ErrorCode::gone, "x"), 410);
  EXPECT_EQ(status(ErrorCode::unavailable, "x"), 503);
  EXPECT_EQ(status(ErrorCode::timeout, "x"), 504);
  EXPECT_EQ(status(ErrorCode::internal, "x"), 500);
}

TEST(ErrorTable, ASpecialCaseNeedsCodeBeginAndEnd) {
  const ErrorTable& table = teraslice::error_table();
  EXPECT_EQ(table.status(Error(ErrorCode::unavailable, "Execution e1 is not available")), 404);
  EXPECT_EQ(table.status(Error(ErrorCode::unavailable, "Execution e1 is not available to pause")), 500);
  EXPECT_EQ(table.status(Error(ErrorCode::conflict, "Execution e1 is not available")), 409);
  EXPECT_EQ(table.status(Error(ErrorCode::unavailable, "The Execution e1 is not available")), 503);
}

TEST(ErrorTable, KnowsWhenARowIsMissing) {
  ErrorTable table = teraslice::error_table();
  EXPECT_TRUE(table.is_complete());
  table.statuses[3] = table.statuses[2];
  EXPECT_FALSE(table.is_complete());
}

TEST(ErrorResponse, CutsLongMessagesBetweenCharacters) {
  std::string long_text = std::string(2999, 'x') + "\xC3\xA9 and more";
  Response response = teraslice::error_response(Error(ErrorCode::not_found, long_text), "unused");
  EXPECT_NE(response.body.find(std::string(2999, 'x') + "\""), std::string::npos) << response.body;
}

TEST(ErrorResponse, BytesThatAreNoTextAreReplacedNotThrownOn) {
  Response response = teraslice::error_response(Error(ErrorCode::not_found, "job \xFF"), "unused");
  EXPECT_EQ(response.status, 404);
  EXPECT_NE(response.body.find("job \xEF\xBF\xBD"), std::string::npos) << response.body;
}

}  // namespace
}  // namespace slicemill::api
