#include "api/dialects/teraslice/document_schemas.h"

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "api/dialects/teraslice/job/job_graph.h"
#include "api/dialects/teraslice/job/teraslice_job.h"
#include "core/model/execution.h"
#include "core/model/operation_schema.h"

namespace slicemill::api::teraslice {
namespace {

// What stands in the schemas of several documents.
constexpr std::string_view kPlainSchemas = R"json({
  "Id": {"type": "string", "minLength": 1},
  "Time": {"type": "string", "format": "date-time"},
  "Count": {"type": "integer", "minimum": 0},

  "Error": {
    "type": "object",
    "required": ["error", "message"],
    "properties": {
      "error": {"type": "integer", "description": "The HTTP status"},
      "message": {"type": "string"},
      "details": {"type": "string", "description": "The place in the request"}
    }
  },
  "Message": {"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}},
  "Status": {
    "type": "object",
    "required": ["status"],
    "properties": {
      "status": {"$ref": "#/components/schemas/ExecutionStatus"},
      "message": {"type": "string"}
    }
  },
  "LogLevel": {
    "type": "object",
    "required": ["exId", "level"],
    "properties": {"exId": {"$ref": "#/components/schemas/Id"}, "level": {"type": "string"}}
  },
  "Warning": {
    "type": "object",
    "required": ["type", "reason"],
    "properties": {
      "type": {"const": "JobValidation"},
      "reason": {
        "type": "object",
        "properties": {
          "type": {"enum": ["jobProperty", "assetOperation", "assetAPIProperty"]},
          "kind": {"enum": ["deprecation", "unknown", "no_effect", "ambiguous"]},
          "reason": {
            "type": "object",
            "required": ["field", "description"],
            "properties": {"field": {"type": "string"}, "description": {"type": "string"}}
          }
        }
      }
    }
  },
  "Submitted": {
    "type": "object",
    "required": ["job_id"],
    "properties": {
      "job_id": {"$ref": "#/components/schemas/Id"},
      "ex_id": {"$ref": "#/components/schemas/Id", "description": "Of the execution; absent if none was started"},
      "config": {"enum": ["current", "own"], "description": "Of a recovery: whose configuration it runs"},
      "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Warning"}}
    }
  },
  "Params": {
    "type": "object",
    "description": "Values of the job's parameters, by name",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]}
  },
  "Start": {"type": "object", "properties": {"params": {"$ref": "#/components/schemas/Params"}}},
  "Redrive": {
    "type": "object",
    "properties": {
      "params": {"$ref": "#/components/schemas/Params"},
      "records": {
        "type": "array",
        "minItems": 1,
        "description": "Only these run, with these bytes",
        "items": {"$ref": "#/components/schemas/MendedRecord"}
      }
    }
  },
  "MendedRecord": {
    "type": "object",
    "required": ["id", "bytes"],
    "properties": {
      "id": {"$ref": "#/components/schemas/Id"},
      "bytes": {"type": "string"},
      "encoding": {"enum": ["utf-8", "base64"]}
    }
  },
  "StoredJob": {
    "type": "object",
    "description": "The job as it was posted, with what the server adds",
    "required": ["job_id", "_context", "_created", "_updated"],
    "properties": {
      "job_id": {"$ref": "#/components/schemas/Id"},
      "_context": {"const": "job"},
      "_created": {"$ref": "#/components/schemas/Time"},
      "_updated": {"$ref": "#/components/schemas/Time"},
      "_deleted": {"type": "boolean"},
      "_deleted_on": {"$ref": "#/components/schemas/Time"},
      "operations": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "sources": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "transforms": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "sinks": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "ex": {"type": "object", "description": "Fields of the latest execution, if they were asked for"},
      "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Warning"}}
    }
  },
  "Operation": {
    "type": "object",
    "description": "Further members are its options",
    "required": ["_op"],
    "properties": {
      "_op": {"type": "string"},
      "_encoding": {"enum": ["json", "raw"]},
      "_dead_letter_action": {"enum": ["throw", "log", "none", "quarantine"]}
    }
  },
  "Counters": {
    "type": "object",
    "description": "Counts since the execution began",
    "required": ["processed", "failed", "queued", "workers_active", "workers_available"],
    "properties": {
      "processed": {"$ref": "#/components/schemas/Count", "description": "Slices that are done, failed ones too"},
      "failed": {"$ref": "#/components/schemas/Count"},
      "queued": {"$ref": "#/components/schemas/Count"},
      "in_flight": {"$ref": "#/components/schemas/Count"},
      "retries": {"$ref": "#/components/schemas/Count"},
      "refused": {"$ref": "#/components/schemas/Count", "description": "Late results that were refused"},
      "records_in": {"$ref": "#/components/schemas/Count"},
      "records_out": {"$ref": "#/components/schemas/Count"},
      "bytes_out": {"$ref": "#/components/schemas/Count"},
      "quarantined": {"$ref": "#/components/schemas/Count"},
      "speculated": {"$ref": "#/components/schemas/Count"},
      "speculation_won": {"$ref": "#/components/schemas/Count"},
      "workers_active": {"$ref": "#/components/schemas/Count"},
      "workers_available": {"$ref": "#/components/schemas/Count"},
      "workers_joined": {"$ref": "#/components/schemas/Count"},
      "workers_reconnected": {"$ref": "#/components/schemas/Count"},
      "workers_disconnected": {"$ref": "#/components/schemas/Count"},
      "slicers": {"$ref": "#/components/schemas/Count"},
      "started": {"$ref": "#/components/schemas/Time"},
      "queuing_complete": {"$ref": "#/components/schemas/Time"},
      "job_duration": {"type": "number", "minimum": 0, "description": "Seconds"},
      "obstacle": {
        "type": "object",
        "description": "A fault of the machine that the execution waits for",
        "properties": {"where": {"type": "string"}, "reason": {"type": "string"}}
      },
      "operations": {"type": "array", "items": {"$ref": "#/components/schemas/OperationCost"}},
      "progress": {"$ref": "#/components/schemas/Progress"},
      "first_error": {"$ref": "#/components/schemas/FirstError"},
      "notices": {"type": "array", "items": {"type": "string"}, "description": "What was left out of the input"}
    }
  },
  "Progress": {
    "type": "object",
    "description": "How far an execution is; null is what is not known",
    "required": ["percent", "rate", "eta"],
    "properties": {
      "percent": {"type": ["number", "null"]},
      "done": {"$ref": "#/components/schemas/Count"},
      "total": {"type": ["integer", "null"]},
      "unit": {"enum": ["bytes", "records", "slices", null]},
      "rate": {"type": ["number", "null"], "description": "Records read a second"},
      "bytes_rate": {"type": ["number", "null"], "description": "Bytes a second"},
      "bytes_of": {"enum": ["input", "output"]},
      "eta": {"type": ["number", "null"], "description": "Seconds that are left"},
      "eta_low": {"type": ["number", "null"]},
      "eta_high": {"type": ["number", "null"]},
      "slowest": {"type": ["object", "null"], "description": "The operation that takes most of the time: op, order, share"},
      "workers": {"$ref": "#/components/schemas/Count"},
      "workers_wanted": {"$ref": "#/components/schemas/Count"},
      "failures": {"$ref": "#/components/schemas/Count"}
    }
  },
  "FirstError": {
    "type": ["object", "null"],
    "description": "The first failed slice, or the first quarantined record",
    "properties": {
      "error": {"type": "string"},
      "file": {"type": ["string", "null"]},
      "bytes": {"type": ["array", "null"], "items": {"type": "integer"}, "description": "From, and behind the last one"},
      "place": {"type": ["string", "null"]},
      "record": {"type": ["string", "null"], "description": "Its beginning"},
      "slicer": {"type": "integer"},
      "order": {"type": "integer"},
      "quarantined": {"type": "boolean"}
    }
  },
  "OperationCost": {
    "type": "object",
    "required": ["op", "order"],
    "properties": {
      "op": {"type": "string"},
      "order": {"$ref": "#/components/schemas/Count"},
      "slices": {"$ref": "#/components/schemas/Count", "description": "Slices that were completed"},
      "measured": {"$ref": "#/components/schemas/Count", "description": "Slices whose time was measured"},
      "records_in": {"type": ["integer", "null"], "description": "null of the reader"},
      "share": {"type": ["number", "null"], "description": "Of the time of all operations, 0 to 1"},
      "records": {"$ref": "#/components/schemas/Count"},
      "bytes": {"$ref": "#/components/schemas/Count"},
      "time_ms": {"type": "number", "minimum": 0}
    }
  },
  "ControllerStats": {
    "allOf": [{"$ref": "#/components/schemas/Counters"}],
    "required": ["ex_id", "job_id", "name"],
    "properties": {
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "job_id": {"$ref": "#/components/schemas/Id"},
      "name": {"type": "string"}
    }
  },
  "Execution": {
    "type": "object",
    "description": "The job with all defaults, and what became of this execution",
    "required": ["ex_id", "job_id", "_context", "_status", "_created", "_updated", "name", "lifecycle", "workers"],
    "properties": {
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "job_id": {"$ref": "#/components/schemas/Id"},
      "_context": {"const": "ex"},
      "_status": {"$ref": "#/components/schemas/ExecutionStatus"},
      "_status_reason": {"type": "string"},
      "_created": {"$ref": "#/components/schemas/Time"},
      "_updated": {"$ref": "#/components/schemas/Time"},
      "_deleted": {"type": "boolean"},
      "_deleted_on": {"$ref": "#/components/schemas/Time"},
      "_has_errors": {"type": "boolean"},
      "_failureReason": {"type": "string"},
      "_slicer_stats": {"$ref": "#/components/schemas/Counters"},
      "progress": {"$ref": "#/components/schemas/Progress"},
      "summary": {"type": "object", "description": "Of an ended execution: docs/progress.md"},
      "name": {"type": "string"},
      "lifecycle": {"enum": ["once", "persistent"]},
      "workers": {"type": "integer", "minimum": 1},
      "operations": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "sources": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "transforms": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "sinks": {"type": "array", "items": {"$ref": "#/components/schemas/Operation"}},
      "recovered_execution": {"$ref": "#/components/schemas/Id"},
      "recovered_slice_type": {"type": ["string", "null"]},
      "params": {"$ref": "#/components/schemas/Params"},
      "params_given": {"$ref": "#/components/schemas/Params", "description": "Those that it was started with"},
      "now": {"$ref": "#/components/schemas/Time", "description": "What relative dates count from, if there are any"},
      "redriven_records": {"type": "array", "items": {"$ref": "#/components/schemas/MendedRecord"}},
      "log_path": {"type": "string"},
      "log_directory": {"type": "string"},
      "ledger_directory": {"type": "string"}
    }
  },
  "RemovedExecution": {
    "type": "object",
    "required": ["ex_id", "job_id", "_deleted", "_deleted_on"],
    "properties": {
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "job_id": {"$ref": "#/components/schemas/Id"},
      "_deleted": {"const": true},
      "_deleted_on": {"$ref": "#/components/schemas/Time"}
    }
  },
  "FailedSlice": {
    "type": "object",
    "required": ["ex_id", "slice_id", "slicer_id", "slicer_order", "state", "error", "_created", "_updated"],
    "properties": {
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "slice_id": {"$ref": "#/components/schemas/Id"},
      "slicer_id": {"$ref": "#/components/schemas/Count"},
      "slicer_order": {"$ref": "#/components/schemas/Count"},
      "request": {"type": "string", "description": "What the slice was to read"},
      "state": {"const": "error"},
      "error": {"type": "string"},
      "retries": {"$ref": "#/components/schemas/Count"},
      "worker_deaths": {"$ref": "#/components/schemas/Count"},
      "_created": {"$ref": "#/components/schemas/Time"},
      "_updated": {"$ref": "#/components/schemas/Time"}
    }
  },
  "QuarantinedRecord": {
    "type": "object",
    "required": ["id", "slice", "slicer_id", "slicer_order", "ex_id", "operation", "place", "bytes", "encoding", "error"],
    "properties": {
      "id": {"$ref": "#/components/schemas/Id"},
      "redriven_to": {"$ref": "#/components/schemas/Id", "description": "The execution that ran it again since"},
      "slice": {"$ref": "#/components/schemas/Id"},
      "slicer_id": {"$ref": "#/components/schemas/Count"},
      "slicer_order": {"$ref": "#/components/schemas/Count"},
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "_created": {"$ref": "#/components/schemas/Time"},
      "operation": {"type": "string"},
      "place": {"type": "string"},
      "bytes": {"type": "string"},
      "encoding": {"enum": ["utf-8", "base64"]},
      "error": {"type": "string"},
      "metadata": {
        "type": "object",
        "description": "What operations knew of it beside its bytes, and will know again",
        "properties": {"key": {"type": "string"}, "route": {"type": "string"}}
      }
    }
  },
  "TaskTry": {
    "type": "object",
    "required": ["slice_id", "slicer_id", "slicer_order", "place", "name", "ex_id", "state", "began", "ended", "took_ms"],
    "properties": {
      "slice_id": {"$ref": "#/components/schemas/Id"},
      "slicer_id": {"$ref": "#/components/schemas/Count"},
      "slicer_order": {"$ref": "#/components/schemas/Count"},
      "place": {"type": "string", "description": "The way to the task, in numbers from 0: its log is tasks/<place>.log"},
      "name": {"type": "string"},
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "state": {"enum": ["completed", "failed", "worker_died"]},
      "began": {"$ref": "#/components/schemas/Time"},
      "ended": {"$ref": "#/components/schemas/Time"},
      "took_ms": {"$ref": "#/components/schemas/Count"},
      "value": {"type": "string"},
      "worker": {"type": "string"},
      "error": {"type": "string"}
    }
  },
  "StatusChange": {
    "type": "object",
    "required": ["time", "from", "event", "to", "reason"],
    "properties": {
      "time": {"$ref": "#/components/schemas/Time"},
      "from": {"type": "string", "description": "Empty for the first one"},
      "event": {"type": "string"},
      "to": {"$ref": "#/components/schemas/ExecutionStatus"},
      "reason": {"type": "string"}
    }
  },
  "ClusterInfo": {
    "type": "object",
    "required": ["name", "arch", "platform", "clustering_type", "node_version", "teraslice_version"],
    "additionalProperties": {"type": "string"}
  },
  "Health": {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"const": "UP"}, "obstacle": {"type": "string"}}
  },
  "ClusterState": {
    "type": "object",
    "description": "Nodes by their ids",
    "additionalProperties": {
      "type": "object",
      "required": ["node_id", "hostname", "pid", "total", "state", "available", "active"],
      "properties": {
        "node_id": {"type": "string"},
        "hostname": {"type": "string"},
        "pid": {"type": "integer"},
        "total": {"$ref": "#/components/schemas/Count", "description": "Worker slots"},
        "available": {"type": "integer", "description": "Free ones"},
        "state": {"type": "string"},
        "active": {"type": "array", "items": {"$ref": "#/components/schemas/Process"}}
      }
    }
  },
  "Process": {
    "type": "object",
    "required": ["worker_id", "assignment", "pid"],
    "properties": {
      "worker_id": {"type": "integer"},
      "assignment": {"enum": ["cluster_master", "assets_service", "execution_controller", "worker"]},
      "pid": {"type": "integer"},
      "ex_id": {"$ref": "#/components/schemas/Id"},
      "job_id": {"$ref": "#/components/schemas/Id"},
      "worker": {"type": "string"}
    }
  },
  "ClusterStats": {
    "type": "object",
    "required": ["controllers", "slicer"],
    "properties": {"controllers": {"$ref": "#/components/schemas/Totals"}, "slicer": {"$ref": "#/components/schemas/Totals"}}
  },
  "Totals": {"type": "object", "additionalProperties": {"type": "number"}},
  "Asset": {
    "type": "object",
    "required": ["id", "name", "version", "_created"],
    "properties": {
      "id": {"$ref": "#/components/schemas/Id"},
      "name": {"type": "string"},
      "version": {"type": "string"},
      "_created": {"$ref": "#/components/schemas/Time"},
      "description": {"type": "string"}
    }
  },
  "AssetId": {
    "type": "object",
    "required": ["asset_id"],
    "properties": {"asset_id": {"$ref": "#/components/schemas/Id"}}
  }
})json";

Json status_schema() {
  Json words = Json::array();
  for (std::size_t i = 0; i < kExecutionStatusCount; ++i) words.push_back(to_string(static_cast<ExecutionStatus>(i)));
  return {{"type", "string"}, {"enum", std::move(words)}};
}

// A job as it may be posted: its own fields with their types, its operations by name.
Json job_schema() {
  OperationSchema job;
  job.options = job_options();
  Json properties = json_schema(job)["properties"];
  properties.erase("_op");
  properties["workers"].erase("default");  // the number of processors, which differs from machine to machine
  properties["operations"] = {
      {"type", "array"}, {"minItems", 2}, {"items", {{"$ref", "#/components/schemas/Operation"}}}};
  for (const char* list : kGraphLists)
    properties[list] = {{"type", "array"}, {"items", {{"$ref", "#/components/schemas/Operation"}}}};
  return {{"type", "object"},
          {"description", "slicemill ops --json has the options of each operation"},
          {"oneOf", Json::array({{{"required", Json::array({"operations"})}},
                                 {{"required", Json::array({"tasks"})}},
                                 {{"required", Json::array({"sources", "sinks"})}}})},
          {"properties", std::move(properties)}};
}

}  // namespace

Json document_schemas() {
  Json schemas = Json::parse(kPlainSchemas);
  schemas["ExecutionStatus"] = status_schema();
  schemas["Job"] = job_schema();
  return schemas;
}

}  // namespace slicemill::api::teraslice
