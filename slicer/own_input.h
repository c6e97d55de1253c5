// Keeps a slicer from taking its job's own output for input. One per slicer.
#pragma once

#include <string>
#include <unordered_set>

#include "core/outputs/own_output.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"
#include "slicer/file_list.h"

namespace slicemill {

class OwnInput {
 public:
  OwnInput() = default;
  explicit OwnInput(const JobSpec& job);

  // invalid if one of the directories that were searched is one that the job writes to, under whatever name, and
  // its outputs would be found there. Looks at each directory once.
  Result<void> check(Files& files, const std::string& input, const FileList& list);

 private:
  Result<void> check_one(Files& files, const std::string& input, const FileList& list, const PublishedFiles& published);

  std::vector<PublishedFiles> published_;
  std::unordered_set<std::string> checked_;
};

}  // namespace slicemill
