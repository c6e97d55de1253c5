// A kind of sinks that the controller has a part in: what their outputs need beside the worker that writes them. The
// list of all of them: connectors/sink_types.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ledger/slice_ledger.h"
#include "core/model/connections.h"
#include "core/model/operation_schema.h"
#include "core/model/plan.h"
#include "core/runtime/files.h"
#include "core/runtime/result.h"

namespace slicemill {

class OutputPublisher;

// One sink of a plan.
struct SinkPlace {
  const Plan& plan;
  std::size_t node = 0;      // in the plan
  std::uint32_t number = 0;  // among the sinks
  const OperationSpec& operation() const { return plan.operation(node); }
};

struct PublisherParts {
  const std::vector<std::string>& lineage;  // execution ids, oldest first; at least one
  Files& files;
  const std::optional<JoinRecord>& joined;  // as in the ledger
  const Connections& connections;
};

struct SinkType {
  std::string_view operation;  // its name in jobs
  CommitClass commit = CommitClass::none;
  std::function<Result<std::unique_ptr<OutputPublisher>>(const SinkPlace& sink, const PublisherParts& parts)>
      make_publisher;
};

}  // namespace slicemill
