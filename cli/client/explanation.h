// Why an execution is as it is, in sentences. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "core/runtime/clock.h"
#include "core/runtime/json.h"

namespace slicemill::cli {

// What a master, or a data directory, tells of an execution.
struct Evidence {
  Json execution;             // its document, with its live figures if it has some
  std::vector<Json> errors;   // failed slices, the latest first
  std::vector<Json> history;  // oldest first
  Json cluster;               // /v1/cluster/state
  std::string place;          // words that further commands need (cli/shell_words.h)
  bool is_stored = false;     // in a data directory, without a master
  WallMs now = 0;
};

// Each a whole sentence without a line end, the most important first; the last ones say what can be done.
std::vector<std::string> explanation(const Evidence& evidence);

}  // namespace slicemill::cli
