"""Plays building services with the libraries that such products are made with.

Usage: things_player.py WORD [arguments]; the words are at the end. Servers run until they are ended.
"""
import asyncio
import sys
import threading
import time


# --- BACnet/IP: bacpypes -------------------------------------------------------
def bacnet_device(address, name, place, vendor, maker, model, firmware, application, serial):
    """A controller of an air handling unit; it says I-Am when it starts."""
    from bacpypes.app import BIPSimpleApplication
    from bacpypes.core import deferred, run
    from bacpypes.local.device import LocalDeviceObject
    device = LocalDeviceObject(
        objectName=name, objectIdentifier=("device", 30121), maxApduLengthAccepted=1024,
        segmentationSupported="noSegmentation", vendorIdentifier=int(vendor), vendorName=maker, modelName=model,
        firmwareRevision=firmware, applicationSoftwareVersion=application, location=place, description=place,
        serialNumber=serial)
    app = BIPSimpleApplication(device, address)
    deferred(app.i_am)
    run()


def bacnet_read(address, peer):
    """The building's management station looks for devices and reads one."""
    from bacpypes.apdu import ReadPropertyRequest
    from bacpypes.app import BIPSimpleApplication
    from bacpypes.core import deferred, run, stop
    from bacpypes.iocb import IOCB
    from bacpypes.local.device import LocalDeviceObject
    from bacpypes.pdu import Address
    station = LocalDeviceObject(objectName="BMS-01", objectIdentifier=("device", 30001), maxApduLengthAccepted=1024,
                                segmentationSupported="noSegmentation", vendorIdentifier=555)
    app = BIPSimpleApplication(station, address)

    def ask():
        for what in ("objectName", "vendorName", "modelName", "firmwareRevision", "applicationSoftwareVersion",
                     "serialNumber", "location"):
            request = ReadPropertyRequest(objectIdentifier=("device", 30121), propertyIdentifier=what,
                                          destination=Address(peer))
            block = IOCB(request)
            deferred(app.request_io, block)
            block.wait(3)
            print(what, block.ioResponse or block.ioError)
        stop()

    deferred(app.who_is)
    threading.Timer(1.0, ask).start()
    run()


# --- Modbus/TCP: pymodbus ---------------------------------------------------------
def modbus_meter(address, maker, code, revision, product, model):
    """A power meter with a device identification."""
    from pymodbus import ModbusDeviceIdentification
    from pymodbus.server import StartTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice
    names = ModbusDeviceIdentification(info_name={
        "VendorName": maker, "ProductCode": code, "MajorMinorRevision": revision, "ProductName": product,
        "ModelName": model})
    device = SimDevice(id=1, simdata=[SimData(address=0, count=100, values=17, datatype=DataType.REGISTERS)],
                       identity=names)
    StartTcpServer(device, identity=names, address=(address, 502))


def modbus_read(address):
    """Reads registers, and the identification in both lengths."""
    from pymodbus.client import ModbusTcpClient
    with ModbusTcpClient(address, port=502) as client:
        print(client.read_holding_registers(0, count=4, device_id=1))
        for code in (1, 2):
            print(client.read_device_information(read_code=code, object_id=0, device_id=1))


# --- S7: python-snap7 ------------------------------------------------------------
def s7_plc():
    """A controller of the boiler house."""
    import snap7
    server = snap7.server.Server()
    server.start(tcp_port=102)
    threading.Event().wait()


def s7_read(address):
    """An operator panel reads what controller it speaks to."""
    import snap7
    client = snap7.client.Client()
    client.connect(address, 0, 2, 102)
    for ask in (client.get_order_code, client.get_cpu_info):
        try:
            print(ask())
        except Exception as refused:        # what the server does not know is on the wire all the same
            print("refused:", refused)
    client.disconnect()


# --- KNXnet/IP: xknx ---------------------------------------------------------------
def knx_search(address):
    """A panel looks for interfaces (nobody answers: there is no free gateway)."""
    from xknx import XKNX
    from xknx.io import GatewayScanner

    async def scan():
        xknx = XKNX()
        print(await GatewayScanner(xknx, local_ip=address, timeout_in_seconds=1).scan())
    asyncio.run(scan())


# --- SDC: sdc11073 -----------------------------------------------------------------
def sdc_provider(address, mdib, maker, model, number, friendly, firmware, serial):
    """A medical device with its metadata over plain HTTP."""
    import uuid
    from sdc11073.location import SdcLocation
    from sdc11073.mdib import ProviderMdib
    from sdc11073.provider import SdcProvider
    from sdc11073.wsdiscovery import WSDiscovery
    from sdc11073.xml_types.dpws_types import ThisDeviceType, ThisModelType
    discovery = WSDiscovery(address)
    discovery.start()
    provider = SdcProvider(
        discovery,
        ThisModelType(manufacturer=maker, manufacturer_url="https://maker.example", model_name=model,
                      model_number=number, model_url="https://maker.example/m", presentation_url="https://maker.example/p"),
        ThisDeviceType(friendly_name=friendly, firmware_version=firmware, serial_number=serial),
        ProviderMdib.from_mdib_file(mdib), epr=uuid.uuid5(uuid.NAMESPACE_DNS, serial), validate=False)
    provider.start_all(start_rtsample_loop=False)
    provider.set_location(SdcLocation(fac="HOSHI", poc="ICU", bed="BED05"))
    threading.Event().wait()


def sdc_consumer(address, plain=""):
    """Finds the device and reads all that it offers; `plain`: only its metadata, without compression."""
    from sdc11073.httpserver.compression import CompressionHandler
    if plain:
        CompressionHandler.available_encodings.clear()
    from sdc11073.consumer.consumerimpl import SdcConsumer
    from sdc11073.wsdiscovery import WSDiscovery
    discovery = WSDiscovery(address)
    discovery.start()
    found = discovery.search_services(timeout=3)
    print(found)
    consumer = SdcConsumer.from_wsd_service(found[0], ssl_context_container=None, validate=False)
    if plain:
        consumer._connect()     # start_all would go on to descriptions of half a megabyte
        print(consumer.transfer_get().p_msg.body_node)
    else:
        consumer.start_all(not_subscribed_actions=[])
        time.sleep(0.5)
        consumer.stop_all()
    discovery.stop()


WORDS = {"bacnet-device": bacnet_device, "bacnet-read": bacnet_read, "modbus-meter": modbus_meter,
         "modbus-read": modbus_read, "s7-plc": s7_plc, "s7-read": s7_read, "knx-search": knx_search,
         "sdc-provider": sdc_provider, "sdc-consumer": sdc_consumer}

if __name__ == "__main__":
    words, sys.argv = sys.argv[1:], sys.argv[:1]
    WORDS[words[0]](*words[1:])
