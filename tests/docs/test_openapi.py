"""/openapi.json of a running master: it is a well-formed OpenAPI 3.1 document, its routes answer, and what they answer is valid against
the schemas that it names. That it has every route of the router is tests/dialects/openapi_test.cc's."""

import http.client
import json
import pathlib
import re
import sys
import unittest
import urllib.parse

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))

from harness import EndToEnd  # noqa: E402

METHODS = {"get", "put", "post", "delete", "patch"}
# What the document itself must be: the part of the specification's rules that a description like this one can break.
SHAPE = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"const": "3.1.0"},
        "info": {"type": "object", "required": ["title", "version"],
                 "properties": {"title": {"type": "string"}, "version": {"pattern": r"^\d+\.\d+\.\d+"}}},
        "paths": {
            "type": "object", "minProperties": 30,
            "propertyNames": {"pattern": r"^/[^?#]*$"},
            "additionalProperties": {
                "type": "object", "minProperties": 1,
                "propertyNames": {"enum": sorted(METHODS)},
                "additionalProperties": {
                    "type": "object",
                    "required": ["operationId", "summary", "responses", "tags"],
                    "properties": {
                        "parameters": {"type": "array", "items": {
                            "type": "object", "required": ["name", "in", "schema", "description"],
                            "properties": {"in": {"enum": ["query", "path", "header"]}, "name": {"type": "string", "minLength": 1}},
                            "if": {"properties": {"in": {"const": "path"}}},
                            "then": {"properties": {"required": {"const": True}}, "required": ["required"]}}},
                        "requestBody": {"type": "object", "required": ["content"]},
                        "responses": {"type": "object", "required": ["default"],
                                      "propertyNames": {"pattern": r"^(default|[1-5]\d\d)$"},
                                      "additionalProperties": {"type": "object", "anyOf": [{"required": ["description"]},
                                                                                           {"required": ["$ref"]}]}},
                    },
                },
            },
        },
        "components": {"type": "object", "required": ["schemas", "responses"]},
    },
}


class OpenApi(EndToEnd):
    def setUp(self):
        super().setUp()
        self.master = self.start_master()
        self.document = self.master.get("/openapi.json")

    def operations(self):
        return [(path, method, operation) for path, item in self.document["paths"].items() for method, operation in item.items()]

    def schema_of(self, schema):
        """The schema with the components that it refers to."""
        return {**schema, "components": self.document["components"]}

    def answered(self, method, path, template, body=None):
        """Asks, and judges the answer by what the document says of it."""
        status, answer = self.master.request(method, path, body)
        responses = self.document["paths"][template][method.lower()]["responses"]
        response = responses.get(str(status), responses["default"])
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        schema = self.schema_of(response["content"]["application/json"]["schema"])
        errors = list(jsonschema.Draft202012Validator(schema).iter_errors(answer))
        self.assertEqual([f"{list(e.absolute_path)}: {e.message}" for e in errors[:3]], [], f"{method} {path}: {answer}")
        return status, answer

    def test_the_document_is_well_formed(self):
        jsonschema.validate(self.document, SHAPE)
        self.assertEqual(self.document, self.master.get("/v1/openapi.json"))
        for name, schema in self.document["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
        for path, method, operation in self.operations():
            for parameter in operation.get("parameters", []):
                jsonschema.Draft202012Validator.check_schema(parameter["schema"])
                if "default" in parameter["schema"]:
                    jsonschema.validate(parameter["schema"]["default"], parameter["schema"], jsonschema.Draft202012Validator)
            if method == "get":
                self.assertNotIn("requestBody", operation, path)

    def test_each_route_answers(self):
        for path, method, _ in self.operations():
            target = re.sub(r"\{[^}]*\}", "x", path)
            connection = http.client.HTTPConnection("127.0.0.1", self.master.port, timeout=30)
            connection.request("OPTIONS", target)
            allowed = connection.getresponse().getheader("Allow", "")
            connection.close()
            self.assertIn(method.upper(), allowed.split(", "), f"{method} {path}")

    def test_answers_are_as_described(self):
        source = self.directory / "in.ldjson"
        source.write_text('{"id": 1}\n{"id": \n')
        failing = self.job(source, max_retries=0)
        quarantining = self.job(source, reader={"_dead_letter_action": "quarantine"}, sender={"path": str(self.directory / "q")})
        living = {"name": "living", "lifecycle": "persistent", "unknown_key": 1,
                  "operations": [{"_op": "data_generator", "size": 10, "delay": 1}, {"_op": "noop"}]}
        _, failed = self.answered("POST", "/v1/jobs", "/v1/jobs", failing)
        _, kept = self.answered("POST", "/v1/jobs", "/v1/jobs", quarantining)
        _, live = self.answered("POST", "/v1/jobs", "/v1/jobs", living)
        self.assertIn("warnings", live)
        self.master.wait_for_status(failed["ex_id"], "failed")
        self.master.wait_for_status(kept["ex_id"], "completed")
        self.master.wait_for_processed(live["ex_id"], 1)

        some = {"id": live["ex_id"]}
        for template in ("/v1", "/v1/health", "/v1/cluster/state", "/v1/cluster/stats", "/v1/cluster/controllers", "/v1/jobs", "/v1/ex",
                         "/v1/ex/errors", "/v1/assets", "/openapi.json"):
            status, answer = self.answered("GET", template, template)
            self.assertEqual(status, 200, template)
            if template in ("/v1/cluster/controllers", "/v1/jobs", "/v1/ex", "/v1/ex/errors"):
                self.assertTrue(answer, f"{template} shows something")
        for template in ("/v1/ex/{id}", "/v1/ex/{id}/controller", "/v1/ex/{id}/history", "/v1/ex/{id}/errors"):
            status, answer = self.answered("GET", template.format(**some), template)
            self.assertEqual(status, 200, template)
        status, records = self.answered("GET", f"/v1/ex/{kept['ex_id']}/quarantine", "/v1/ex/{id}/quarantine")
        self.assertEqual((status, len(records)), (200, 1))
        for template in ("/v1/jobs/{id}", "/v1/jobs/{id}/ex"):
            self.assertEqual(self.answered("GET", template.format(id=live["job_id"]), template)[0], 200)
        self.assertEqual(self.answered("GET", f"/v1/jobs/{live['job_id']}?ex=", "/v1/jobs/{id}")[1]["ex"]["ex_id"], live["ex_id"])

        for verb in ("_pause", "_resume", "_workers?add=1", "_stop"):
            template = "/v1/ex/{id}/" + verb.partition("?")[0]
            status, answer = self.answered("POST", f"/v1/ex/{live['ex_id']}/{verb}", template)
            self.assertEqual(status, 200, answer)
        self.assertEqual(self.answered("POST", f"/v1/jobs/{live['job_id']}/_inactive", "/v1/jobs/{id}/_inactive")[0], 200)
        self.assertEqual(self.answered("POST", f"/v1/ex/{failed['ex_id']}/_recover?cleanup_type=errors", "/v1/ex/{id}/_recover")[0], 200)
        self.assertEqual(self.answered("DELETE", f"/v1/ex/{kept['ex_id']}", "/v1/ex/{id}")[0], 200)

        for method, path, template, expected in [
                ("GET", "/v1/ex/nobody", "/v1/ex/{id}", 404), ("POST", "/v1/jobs", "/v1/jobs", 400),
                ("GET", "/v1/ex?" + urllib.parse.urlencode({"filter": "("}), "/v1/ex", 400),
                ("POST", f"/v1/ex/{failed['ex_id']}/_pause", "/v1/ex/{id}/_pause", 404)]:
            self.assertEqual(self.answered(method, path, template)[0], expected, path)
        self.assertEqual(self.answered("POST", "/v1/jobs", "/v1/jobs", "{broken")[0], 400)

    def test_a_posted_job_fits_its_schema(self):
        schema = self.schema_of(self.document["components"]["schemas"]["Job"])
        for path in sorted((ROOT / "examples").glob("*.json")):
            jsonschema.validate(json.loads(path.read_text()), schema, jsonschema.Draft202012Validator)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({"name": "x"}, schema, jsonschema.Draft202012Validator)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate({"operations": [{"_op": "id_range"}, {}]}, schema, jsonschema.Draft202012Validator)


if __name__ == "__main__":
    unittest.main()
