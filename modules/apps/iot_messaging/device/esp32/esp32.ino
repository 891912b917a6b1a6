// An ESP32 that publishes a reading each INTERVAL_MS and prints the "message" of each command once.
// Libraries: MQTT (Joel Gaehwiler), ArduinoJson 7. Beside this file: settings.h (output device_headers) and secrets.h:
//   #define WIFI_SSID "..."
//   #define WIFI_PASSWORD "..."
//   static const char AWS_CERT_PRIVATE[] = R"PEM(...)PEM";   // the key that the certificate was requested with
#include <ArduinoJson.h>
#include <MQTT.h>
#include <Preferences.h>
#include <WiFi.h>
#include <WiFiClientSecure.h>

#include "secrets.h"
#include "settings.h"

static const unsigned long INTERVAL_MS = 60000;
static const unsigned long LONGEST_WAIT_MS = 60000;

WiFiClientSecure net;
MQTTClient client(MQTT_BUFFER_BYTES);
Preferences memory;  // in flash: what was carried out is remembered after a restart
unsigned long next_reading = 0;
String boot_id;
unsigned long count = 0;
String pending;  // a command's outcome: nothing may be published from within the callback

void on_message(String &topic, String &payload) {
  JsonDocument document;
  if (payload.length() == 0 || deserializeJson(document, payload)) return;
  String id = document["id"] | "";
  if (id.isEmpty() || id == memory.getString("done", "")) return;
  Serial.println("incoming: " + topic + " - " + (document["command"]["message"] | "(no message)"));
  memory.putString("done", id);
  JsonDocument result;
  result["id"] = "result-" + id;
  result["command"] = id;
  result["ok"] = true;
  pending = "";
  serializeJson(result, pending);
}

void connect() {
  unsigned long wait = 1000;
  while (!client.connected()) {
    if (WiFi.status() != WL_CONNECTED) {
      WiFi.disconnect();
      WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
      for (int i = 0; i < 20 && WiFi.status() != WL_CONNECTED; i++) delay(500);
    }
    if (WiFi.status() == WL_CONNECTED && client.connect(THING_NAME)) {
      client.subscribe(TOPIC_COMMAND, 1);  // delivers the retained command
      client.publish(TOPIC_STATUS, "{\"status\":\"online\"}", true, 1);
      return;
    }
    Serial.printf("not connected (%d), next attempt in %lu ms\n", client.lastError(), wait);
    delay(wait + random(wait / 2));
    wait = min(wait * 2, LONGEST_WAIT_MS);
  }
}

void publish_reading() {
  JsonDocument reading;
  reading["id"] = boot_id + "-" + String(count++);  // one message, also if it is sent twice
  reading["time"] = millis();
  reading["sensor_a0"] = analogRead(A0);
  String payload;
  serializeJson(reading, payload);
  if (!client.publish(TOPIC_TELEMETRY, payload, false, 1)) Serial.println("not published");
}

void setup() {
  Serial.begin(9600);
  memory.begin("switchyard");
  boot_id = String(esp_random(), HEX) + String(esp_random(), HEX);
  net.setCACert(AWS_CERT_CA);
  net.setCertificate(AWS_CERT_CRT);
  net.setPrivateKey(AWS_CERT_PRIVATE);
  client.begin(AWS_IOT_ENDPOINT, AWS_IOT_PORT, net);
  client.setCleanSession(false);
  client.setKeepAlive(30);
  client.setWill(TOPIC_STATUS, "{\"status\":\"offline\"}", true, 1);
  client.onMessage(on_message);
}

void loop() {
  if (!client.connected()) connect();
  client.loop();
  if (!pending.isEmpty() && client.publish(TOPIC_RESULT, pending, false, 1)) pending = "";
  if ((long)(millis() - next_reading) >= 0) {
    next_reading = millis() + INTERVAL_MS;
    publish_reading();
  }
  delay(10);
}
