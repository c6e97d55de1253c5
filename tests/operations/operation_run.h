// Runs single operations on given records, the way a pipeline does.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/model/job_spec_v0.h"
#include "operations/operation.h"

namespace slicemill {

// Options go through validation, as in life. Fails the test if they are not valid.
inline Json resolved(const OperationEntry& entry, Json options) {
  auto validated = validate_options(entry.schema, options);
  for (const auto& issue : validated.issues) {
    ADD_FAILURE() << entry.schema.name << ": " << (issue.path.empty() ? "" : issue.path[0]) << " " << issue.message;
  }
  return validated.options;
}

// The same with what every operation has: `_encoding`, `_dead_letter_action`.
inline OperationSpec spec_of(const OperationEntry& entry, Json options) {
  Json operation = resolved(entry, std::move(options));
  operation["_op"] = entry.schema.name;
  return operation_spec_of_v0(operation);
}

// The first problem of the options, "" if they are valid.
inline std::string problem(const OperationEntry& entry, const std::string& options) {
  const auto validated = validate_options(entry.schema, Json::parse(options));
  if (validated.issues.empty()) return "";
  const auto& issue = validated.issues.front();
  return issue.path.empty() ? issue.message : issue.path.front() + ": " + issue.message;
}

template <typename Kind>
std::unique_ptr<Kind> make(const OperationEntry& entry, const std::string& options) {
  auto operation = entry.make();
  const auto ready = operation->initialize({spec_of(entry, Json::parse(options)), JobSpec(), 1, "worker"});
  EXPECT_TRUE(ready) << ready.error().message;
  return std::unique_ptr<Kind>(dynamic_cast<Kind*>(operation.release()));
}

inline std::vector<std::string> texts(const RecordBatch& batch) {
  return {batch.records.begin(), batch.records.end()};
}

class ProcessorRun {
 public:
  ProcessorRun(const OperationEntry& entry, const std::string& options) : processor_(make<Processor>(entry, options)) {}

  std::vector<std::string> operator()(const std::vector<std::string>& records) {
    const auto done = process(records);
    EXPECT_TRUE(done) << done.error().message;
    return texts(batch_);
  }
  std::string one(const std::string& record) {
    const auto out = (*this)({record});
    return out.size() == 1 ? out[0] : "<" + std::to_string(out.size()) + " records>";
  }
  Result<void> process(const std::vector<std::string>& records) {
    batch_.clear();
    for (const auto& record : records) batch_.append_copy(record);
    return processor_->process(batch_);
  }
  Error error(const std::string& record) {
    const auto done = process({record});
    EXPECT_FALSE(done);
    return done ? Error() : done.error();
  }

 private:
  std::unique_ptr<Processor> processor_;
  RecordBatch batch_;
};

// All records of one slice, and the number of batches in which they came.
struct SliceRead {
  std::vector<std::string> records;
  int batches = 0;
};

inline Result<SliceRead> read_slice(Reader& reader, const std::string& request, WallMs created_ms = 0,
                                    const std::string& lineage = "ex") {
  SliceContext slice;
  slice.request = request;
  slice.created_ms = created_ms;
  static int executions = 0;
  const std::string ex_id = "execution " + std::to_string(++executions);  // another one of the chain each time
  slice.ex_id = ex_id;
  slice.lineage_id = lineage;
  RETURN_IF_ERROR(reader.open(slice));
  SliceRead read;
  RecordBatch batch;
  while (true) {
    batch.clear();
    RETURN_IF_ERROR(reader.read(batch));
    if (batch.records.empty()) return read;
    ++read.batches;
    for (const auto record : batch.records) read.records.emplace_back(record);
  }
}

}  // namespace slicemill
