// GET /v1/events: what happens to executions, as server-sent events (text/event-stream), in no dialect's words.
//
// event: "status" (with an id), "progress", "skipped", "end"; data: one line of JSON. Comments (": ...") begin an
// answer and keep a quiet one alive. Loop thread; the feed outlives the server.
#pragma once

#include "api/http/router.h"
#include "core/model/execution_events.h"

namespace slicemill::api {

Dialect events_dialect(EventFeed& feed);

}  // namespace slicemill::api
