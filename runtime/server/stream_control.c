// stream_control.c: the control messages of a stream connection (wire contract, section 7.2).
#include "server/stream_hub_private.h"

#include "venue/binance/decode.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

static void send_json(struct subscriber *sub, struct json_object *o) {
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    conn_send(sub->conn, text, strlen(text));
    json_object_put(o);
}

static void send_result(struct subscriber *sub, struct json_object *result, struct json_object *id) {
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "result", result);
    json_object_object_add(o, "id", json_object_get(id));
    send_json(sub, o);
}

static void send_problem(struct subscriber *sub, int code, const char *text, struct json_object *id,
                         bool with_id) {
    struct json_object *o = json_object_new_object(), *error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "msg", json_object_new_string(text));
    json_object_object_add(o, "error", error);
    if (with_id) json_object_object_add(o, "id", json_object_get(id));
    send_json(sub, o);
}

static struct json_object *subscriptions(const struct subscriber *sub) {
    struct json_object *list = json_object_new_array();
    for (int32_t i = 0; i < sub->count; i++)
        json_object_array_add(list, json_object_new_string(sub->streams[i]->name));
    for (int32_t i = 0; i < sub->key_count; i++)
        json_object_array_add(list, json_object_new_string(sub->keys[i].key));
    return list;
}

static void change(struct stream_hub *s, struct subscriber *sub, bool add, struct json_object *params,
                   struct json_object *id, int64_t now_us) {
    if (!json_object_is_type(params, json_type_array)) {
        send_problem(sub, 2, "Invalid request: missing field `params` at line 1 column 1", id, true);
        return;
    }
    for (size_t i = 0; i < json_object_array_length(params); i++) {
        struct json_object *item = json_object_array_get_idx(params, i);
        if (!json_object_is_type(item, json_type_string)) {
            send_problem(sub, 2, "Invalid request: stream names must be strings", id, true);
            return;
        }
        if (add)
            stream_hub_subscribe(s, sub, json_object_get_string(item), now_us);
        else
            stream_hub_unsubscribe(s, sub, json_object_get_string(item));
    }
    send_result(sub, NULL, id);
}

static void property(struct subscriber *sub, bool set, struct json_object *params, struct json_object *id) {
    struct json_object *name = NULL, *value = NULL;
    if (json_object_is_type(params, json_type_array)) {
        name = json_object_array_get_idx(params, 0);
        value = json_object_array_get_idx(params, 1);
    }
    if (!json_object_is_type(name, json_type_string)) {
        send_problem(sub, 2, "Invalid request: property name must be a string", id, true);
    } else if (strcmp(json_object_get_string(name), "combined") != 0) {
        send_problem(sub, 0, "Unknown property", id, true);
    } else if (!set) {
        send_result(sub, json_object_new_boolean(sub->combined), id);
    } else if (!json_object_is_type(value, json_type_boolean)) {
        send_problem(sub, 1, "Invalid value type: expected Boolean", id, true);
    } else {
        sub->combined = json_object_get_boolean(value);
        send_result(sub, NULL, id);
    }
}

static void control(struct stream_hub *s, struct subscriber *sub, struct json_object *o, int64_t now_us) {
    struct json_object *method = NULL, *params = NULL, *id = NULL;
    json_object_object_get_ex(o, "method", &method);
    json_object_object_get_ex(o, "params", &params);
    json_object_object_get_ex(o, "id", &id);
    if (!json_object_is_type(method, json_type_string)) {
        send_problem(sub, 2, "Invalid request: missing field `method` at line 1 column 1", id, true);
        return;
    }
    bool good_id = !id || json_object_is_type(id, json_type_string) ||
                   (json_object_is_type(id, json_type_int) && json_object_get_int64(id) >= 0);
    if (!good_id) {
        send_problem(sub, 2, "Invalid request: request ID must be an unsigned integer", id, true);
        return;
    }
    const char *name = json_object_get_string(method);
    if (strcmp(name, "SUBSCRIBE") == 0)
        change(s, sub, true, params, id, now_us);
    else if (strcmp(name, "UNSUBSCRIBE") == 0)
        change(s, sub, false, params, id, now_us);
    else if (strcmp(name, "LIST_SUBSCRIPTIONS") == 0)
        send_result(sub, subscriptions(sub), id);
    else if (strcmp(name, "SET_PROPERTY") == 0)
        property(sub, true, params, id);
    else if (strcmp(name, "GET_PROPERTY") == 0)
        property(sub, false, params, id);
    else {
        char text[200];
        snprintf(text, sizeof text,
                 "Invalid request: unknown variant %.40s, expected one of SUBSCRIBE, UNSUBSCRIBE, "
                 "LIST_SUBSCRIPTIONS, SET_PROPERTY, GET_PROPERTY at line 1 column %zu",
                 name, strlen(name) + 12);
        send_problem(sub, 2, text, id, true);
    }
}

void stream_hub_message(struct stream_hub *s, struct subscriber *sub, const char *text, size_t size,
                        int64_t now_us) {
    struct json_object *o = decode_json(text, size);
    if (json_object_is_type(o, json_type_object)) {
        control(s, sub, o, now_us);
    } else {
        send_problem(sub, 3, "Invalid JSON: expected value at line 1 column 1", NULL, false);
        conn_close_websocket(sub->conn, 1008, "Invalid request");
    }
    json_object_put(o);
}
