#include "connectors/sink_types.h"

#include "connectors/postgres/postgres_sink.h"
#include "core/outputs/file_publisher.h"

namespace slicemill {

const std::vector<SinkType>& sink_types() {
  static const std::vector<SinkType> types = {
      file_sink_type(),
      routed_sink_type(),
      postgres_sink_type(),
  };
  return types;
}

}  // namespace slicemill
