#include "api/http/error_table.h"

#include <gtest/gtest.h>

#include "api/dialects/teraslice/teraslice_json.h"

namespace slicemill::api {
namespace {

TEST(ErrorTable, TerasliceStatuses) {
  const ErrorTable& table = teraslice::error_table();
  EXPECT_EQ(table.status(ErrorCode::invalid), 400);
  EXPECT_EQ(table.status(ErrorCode::not_found), 404);
  EXPECT_EQ(table.status(ErrorCode::conflict), 409);
  EXPECT_EQ(table.status(ErrorCode::gone), 410);
  EXPECT_EQ(table.status(ErrorCode::unavailable), 503);
  EXPECT_EQ(table.status(ErrorCode::timeout), 504);
  EXPECT_EQ(table.status(ErrorCode::internal), 500);
}

TEST(ErrorTable, AVariantDiffersInOneCode) {
  EXPECT_EQ(teraslice::job_error_table().status(ErrorCode::invalid), 500);
  EXPECT_EQ(teraslice::job_error_table().status(ErrorCode::conflict), 409);
  EXPECT_EQ(teraslice::settings_error_table().status(ErrorCode::unavailable), 404);
  EXPECT_EQ(teraslice::settings_error_table().status(ErrorCode::invalid), 400);
}

TEST(ErrorTable, KnowsWhenARowIsMissing) {
  ErrorTable table = teraslice::error_table();
  EXPECT_TRUE(table.is_complete());
  table.statuses[3] = table.statuses[2];
  EXPECT_FALSE(table.is_complete());
}

TEST(ErrorResponse, CutsLongMessagesBetweenCharacters) {
  std::string long_text = std::string(2999, 'x') + "\xC3\xA9 and more";
  Response response = teraslice::error_response(404, long_text);
  EXPECT_NE(response.body.find(std::string(2999, 'x') + "\""), std::string::npos) << response.body;
}

TEST(ErrorResponse, BytesThatAreNoTextAreReplacedNotThrownOn) {
  Response response = teraslice::error_response(404, "job \xFF");
  EXPECT_EQ(response.status, 404);
  EXPECT_NE(response.body.find("job \xEF\xBF\xBD"), std::string::npos) << response.body;
}

}  // namespace
}  // namespace slicemill::api
